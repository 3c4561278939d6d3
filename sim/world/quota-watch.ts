// Counts what each process appends to each basin, as it comes to stand in the log, and holds it to the operator's quota: no process lets more
// through than its rate, a second's worth saved up, and what comes in at the same moment. Changes nothing.
import { CREATED, entriesOf, RECORDS } from "./log-entries.ts";
import type { Lane } from "./scheduler.ts";

/** A process may take its seconds for so much longer than they are. */
const DRIFT = 1.03;
/** A single append, and one of each session that has waited for its turn. */
const AT_ONCE = 1 + 8;
/** The basin of the streams that the system itself writes. */
const SYSTEM_BASIN = "0".repeat(32);

export class QuotaWatch {
  readonly #appendsPerSecond: number | undefined;
  readonly #onViolation: (what: string) => void;
  /** By stream: its basin. */
  readonly #basins = new Map<string, string>();
  /** By process: since when, and how many appends of each basin. */
  readonly #appended = new Map<Lane, { readonly sinceMs: number; readonly byBasin: Map<string, number> }>();

  /** `appendsPerSecond` is every basin's; undefined for no quota. */
  constructor(appendsPerSecond: number | undefined, onViolation: (what: string) => void) {
    this.#appendsPerSecond = appendsPerSecond;
    this.#onViolation = onViolation;
  }

  started(process: Lane, nowMs: number): void {
    this.#appended.set(process, { sinceMs: nowMs, byBasin: new Map() });
  }

  /** An object of the log has come to stand. */
  landed(process: Lane, object: Uint8Array, nowMs: number): void {
    if (this.#appendsPerSecond === undefined) return;
    for (const { kind, streamId, payload } of entriesOf(object)) {
      if (kind === CREATED) this.#basins.set(streamId, basinOf(payload));
      const basin = this.#basins.get(streamId);
      if (kind === RECORDS && basin !== undefined && basin !== SYSTEM_BASIN)
        this.#count(process, basin, this.#appendsPerSecond, nowMs);
    }
  }

  #count(process: Lane, basin: string, perSecond: number, nowMs: number): void {
    const appended = this.#appended.get(process);
    if (appended === undefined) throw new Error(`${process.name} writes before it has started`);
    const count = (appended.byBasin.get(basin) ?? 0) + 1;
    appended.byBasin.set(basin, count);
    const most = perSecond * (1 + (DRIFT * (nowMs - appended.sinceMs)) / 1_000) + AT_ONCE;
    if (count > most)
      this.#onViolation(`${process.name} let ${count} appends to a basin through, and its quota allows ${most}`);
  }
}

function basinOf(payload: Uint8Array): string {
  const { basinId } = JSON.parse(Buffer.from(payload).toString()) as { readonly basinId: string };
  return basinId;
}
