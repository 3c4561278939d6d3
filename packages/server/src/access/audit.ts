// The audit: one structured line for each change of the control plane and each refusal. Names who, what and how it ended, never a secret.
// Refusals are bounded in a time, so that nobody can fill a log with them; how many were left out is said.
import type { Runtime, TimerHandle } from "@tailrace/engine/runtime";
import type { ApiRequest } from "../api-request.ts";
import { errorCode, errorReply } from "../errors.ts";
import { RateBudget } from "../quota/rate-budget.ts";
import { isControlPlaneChange } from "./operations.ts";

/** Lines for refusals, of those who were recognised and of nobody each: a flood of strangers hides no holder's. */
const REFUSALS_PER_SECOND = 10;
/** How long after the first that was left out it is said how many were. */
const LEFT_OUT_SAID_MS = 10_000;
/** They leave open whether something was changed: none of them is left out. */
const UNKNOWN_OUTCOMES: ReadonlySet<string> = new Set(["unavailable", "storage", "other", "request_timeout"]);

export interface AuditLogger {
  info(fields: object, message: string): void;
}

/** What of a request is known when it is audited; `access` and `resource` only once it got so far. */
export type AuditedRequest = Pick<ApiRequest, "method" | "operation"> &
  Partial<Pick<ApiRequest, "access" | "resource">>;

export class Audit {
  readonly #logger: AuditLogger;
  readonly #runtime: Runtime;
  readonly #recognised: Allowance;
  readonly #nobody: Allowance;
  #saying: TimerHandle | undefined;

  constructor(logger: AuditLogger, runtime: Runtime) {
    this.#logger = logger;
    this.#runtime = runtime;
    const nowMs = runtime.clock.monotonicMs();
    this.#recognised = new Allowance(nowMs);
    this.#nobody = new Allowance(nowMs);
  }

  /** A request was carried out; `result` is what came of it. Anything but a change is passed over. */
  carriedOut(request: AuditedRequest, status: number, result: string): void {
    if (isControlPlaneChange(request.operation)) this.#write(request, status, result);
  }

  /** A request failed, or its session did. Passed over unless it was to change something, or was refused for who asked. */
  failed(request: AuditedRequest, error: unknown): void {
    const code = errorCode(error);
    const refused = code === "authn" || code === "permission_denied";
    if (!refused && !isControlPlaneChange(request.operation)) return;
    const allowance = request.access === undefined ? this.#nobody : this.#recognised;
    if (UNKNOWN_OUTCOMES.has(code) || allowance.take(this.#runtime.clock.monotonicMs()))
      this.#write(request, errorReply(error).status, code);
    else this.#saying ??= this.#runtime.timers.set(LEFT_OUT_SAID_MS, () => this.sayLeftOut());
  }

  /** Says how many refusals were left out since this was said last, if any were. */
  sayLeftOut(): void {
    if (this.#saying !== undefined) this.#runtime.timers.clear(this.#saying);
    this.#saying = undefined;
    const recognised = this.#recognised.takeLeftOut();
    const nobody = this.#nobody.takeLeftOut();
    if (recognised + nobody > 0) this.#logger.info({ audit: { leftOut: { recognised, nobody } } }, "audit");
  }

  #write(request: AuditedRequest, status: number, result: string): void {
    const { access, operation, method, resource } = request;
    this.#logger.info(
      { audit: { who: access?.who ?? null, operation, method, resource: resource ?? null, status, result } },
      "audit",
    );
  }
}

class Allowance {
  readonly #lines: RateBudget;
  #leftOut = 0;

  constructor(nowMs: number) {
    this.#lines = new RateBudget(REFUSALS_PER_SECOND, nowMs);
  }

  /** Whether one more may be written now; if not, it is counted. */
  take(nowMs: number): boolean {
    if (this.#lines.waitMs(nowMs) > 0) {
      this.#leftOut += 1;
      return false;
    }
    this.#lines.spend(1, nowMs);
    return true;
  }

  takeLeftOut(): number {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
