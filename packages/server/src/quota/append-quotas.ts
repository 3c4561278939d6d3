// How much may be appended in a time, to a basin and with a token: an operator's limits, kept by this process in memory.
// A single append beyond them is refused with a promise that nothing happened; a session is read from more slowly.
import type { Runtime } from "@tailrace/engine/runtime";
import type { Access } from "../access/access.ts";
import { ApiError } from "../errors.ts";
import { RateBudget } from "./rate-budget.ts";

export interface AppendRates {
  /** Undefined: no limit. Above 0. */
  readonly appendsPerSecond?: number | undefined;
  /** Metered. */
  readonly appendBytesPerSecond?: number | undefined;
}

export interface AppendQuotaOptions {
  readonly perBasin: AppendRates;
  /** For issued tokens; the root's is bound by none. */
  readonly perToken: AppendRates;
}

/** Budgets of basins are looked through for those that are as good as new when there are this many more than after the last time. */
const SWEEP_STEP = 1_000;

class Budgets {
  readonly #appends: RateBudget | undefined;
  readonly #bytes: RateBudget | undefined;

  constructor({ appendsPerSecond, appendBytesPerSecond }: AppendRates, nowMs: number) {
    if (appendsPerSecond !== undefined) this.#appends = new RateBudget(appendsPerSecond, nowMs);
    if (appendBytesPerSecond !== undefined) this.#bytes = new RateBudget(appendBytesPerSecond, nowMs);
  }

  waitMs(nowMs: number): number {
    return Math.max(this.#appends?.waitMs(nowMs) ?? 0, this.#bytes?.waitMs(nowMs) ?? 0);
  }

  spend(bytes: number, nowMs: number): void {
    this.#appends?.spend(1, nowMs);
    this.#bytes?.spend(bytes, nowMs);
  }

  isFull(nowMs: number): boolean {
    return (this.#appends?.isFull(nowMs) ?? true) && (this.#bytes?.isFull(nowMs) ?? true);
  }
}

export class AppendQuotas {
  readonly #options: AppendQuotaOptions;
  readonly #runtime: Pick<Runtime, "clock" | "branches">;
  readonly #basins = new Map<string, Budgets>();
  readonly #tokens = new WeakMap<Access, Budgets>();
  #sweepAt = SWEEP_STEP;

  constructor(options: AppendQuotaOptions, runtime: Pick<Runtime, "clock" | "branches">) {
    this.#options = options;
    this.#runtime = runtime;
  }

  /** Counts one append. Errors: `rate_limited`, with the time after which to try again. */
  admit(access: Access, basin: string, bytes: number): void {
    const waitMs = this.waitMs(access, basin);
    if (waitMs > 0) {
      this.#runtime.branches.reached("append-over-quota");
      throw new ApiError("rate_limited", "more is appended than the operator's quota allows", waitMs);
    }
    this.spend(access, basin, bytes);
  }

  /** Milliseconds until another append is within the limits. */
  waitMs(access: Access, basin: string): number {
    const nowMs = this.#runtime.clock.monotonicMs();
    return Math.max(this.#ofBasin(basin, nowMs)?.waitMs(nowMs) ?? 0, this.#ofToken(access, nowMs)?.waitMs(nowMs) ?? 0);
  }

  spend(access: Access, basin: string, bytes: number): void {
    const nowMs = this.#runtime.clock.monotonicMs();
    this.#ofBasin(basin, nowMs)?.spend(bytes, nowMs);
    this.#ofToken(access, nowMs)?.spend(bytes, nowMs);
  }

  #ofBasin(basin: string, nowMs: number): Budgets | undefined {
    const { perBasin } = this.#options;
    if (isUnlimited(perBasin)) return undefined;
    let budgets = this.#basins.get(basin);
    if (budgets === undefined) {
      budgets = new Budgets(perBasin, nowMs);
      this.#basins.set(basin, budgets);
      if (this.#basins.size >= this.#sweepAt) this.#sweep(nowMs);
    }
    return budgets;
  }

  #sweep(nowMs: number): void {
    for (const [basin, budgets] of this.#basins) if (budgets.isFull(nowMs)) this.#basins.delete(basin);
    this.#sweepAt = this.#basins.size + SWEEP_STEP;
  }

  #ofToken(access: Access, nowMs: number): Budgets | undefined {
    const { perToken } = this.#options;
    if (access.key === null || isUnlimited(perToken)) return undefined;
    let budgets = this.#tokens.get(access);
    if (budgets === undefined) {
      budgets = new Budgets(perToken, nowMs);
      this.#tokens.set(access, budgets);
    }
    return budgets;
  }
}

function isUnlimited(rates: AppendRates): boolean {
  return rates.appendsPerSecond === undefined && rates.appendBytesPerSecond === undefined;
}
