// Counts what each process appends to each basin, and for each holder of a token, as it comes to stand in the log, and holds it to the operator's
// quotas: no process lets more through than its rate, a second's worth saved up, and what comes in at the same moment. Changes nothing.
import type { AppendQuotaOptions } from "@tailrace/server/api";
import { CREATED, entriesOf, type LogEntry, RECORDS } from "./log-entries.ts";
import type { Lane } from "./scheduler.ts";

/** A process may take its seconds for so much longer than they are. */
const DRIFT = 1.03;
/** A single append, and one of each session that has waited for its turn. */
const AT_ONCE = 1 + 8;
/** The basin of the streams that the system itself writes. */
const SYSTEM_BASIN = "0".repeat(32);
/** What the ids of records begin with that the holders of tokens append. */
const HOLDER = /tenant\d+-/;

/** What a process let through for one basin, or one holder. */
interface Spent {
  appends: number;
  bytes: number;
  /** The largest append. */
  mostBytes: number;
}

export class QuotaWatch {
  readonly #quotas: AppendQuotaOptions;
  readonly #onViolation: (what: string) => void;
  /** By stream: its basin. */
  readonly #basins = new Map<string, string>();
  /** By process: since when, and what of each basin and holder. */
  readonly #spent = new Map<Lane, { readonly sinceMs: number; readonly by: Map<string, Spent> }>();

  constructor(quotas: AppendQuotaOptions, onViolation: (what: string) => void) {
    this.#quotas = quotas;
    this.#onViolation = onViolation;
  }

  started(process: Lane, nowMs: number): void {
    this.#spent.set(process, { sinceMs: nowMs, by: new Map() });
  }

  /** An object of the log has come to stand. */
  landed(process: Lane, object: Uint8Array, nowMs: number): void {
    const { perBasin, perToken } = this.#quotas;
    for (const entry of entriesOf(object)) {
      if (entry.kind === CREATED) this.#basins.set(entry.streamId, basinOf(entry.payload));
      if (entry.kind !== RECORDS) continue;
      const basin = this.#basins.get(entry.streamId);
      if (basin === undefined || basin === SYSTEM_BASIN) continue;
      this.#count(process, `basin ${basin}`, perBasin, entry, nowMs);
      const [holder] = HOLDER.exec(entry.payload.toString("latin1")) ?? [];
      if (holder !== undefined) this.#count(process, `the token of ${holder}`, perToken, entry, nowMs);
    }
  }

  #count(
    process: Lane,
    whose: string,
    { appendsPerSecond, appendBytesPerSecond }: AppendQuotaOptions["perBasin"],
    { meteredBytes }: LogEntry,
    nowMs: number,
  ): void {
    const spent = this.#spent.get(process);
    if (spent === undefined) throw new Error(`${process.name} writes before it has started`);
    const of = spent.by.get(whose) ?? { appends: 0, bytes: 0, mostBytes: 0 };
    spent.by.set(whose, of);
    of.appends += 1;
    of.bytes += meteredBytes;
    of.mostBytes = Math.max(of.mostBytes, meteredBytes);
    const seconds = 1 + (DRIFT * (nowMs - spent.sinceMs)) / 1_000;
    const hold = (value: number, perSecond: number | undefined, atOnce: number, what: string) => {
      const most = perSecond === undefined ? Number.POSITIVE_INFINITY : perSecond * seconds + atOnce;
      if (value > most)
        this.#onViolation(
          `${process.name} let ${value} ${what} of ${whose} through, and its quota allows ${Math.floor(most)}`,
        );
    };
    hold(of.appends, appendsPerSecond, AT_ONCE, "appends");
    hold(of.bytes, appendBytesPerSecond, AT_ONCE * of.mostBytes, "bytes");
  }
}

function basinOf(payload: Uint8Array): string {
  const { basinId } = JSON.parse(Buffer.from(payload).toString()) as { readonly basinId: string };
  return basinId;
}
