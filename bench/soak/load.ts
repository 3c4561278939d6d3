// The mixed load of a soak, by the official SDK: writers of all kinds, followers, readers of history, streams that come and go.
// Modest on purpose: it looks for what creeps, not for limits. Checks what it reads: dense, in order, and what was written.
import { setTimeout as sleep } from "node:timers/promises";
import { AppendInput, AppendRecord, S2, type S2Basin, S2Endpoints, type S2Stream } from "@s2-dev/streamstore";
import { percentile } from "../load/percentile.ts";
import type { Sample } from "./sample.ts";

const BASIN = "soak-basin";
const SMALL_WRITERS = 16;
const SMALL_PAUSE_MS = 200;
/** One stream takes 64 records of 8 KiB at a time, about 1 MiB a second. */
const LARGE_RECORDS = 64;
const LARGE_RECORD_BYTES = 8 * 1024;
const LARGE_PAUSE_MS = 500;
const HISTORY_PAUSE_MS = 250;
const CHURN_PAUSE_MS = 1_000;

type Figures = Pick<Sample, "ackP50Ms" | "ackP99Ms" | "tailP50Ms" | "tailP99Ms" | "appends" | "recordsRead" | "errors">;

export class Load {
  readonly #basin: S2Basin;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];
  #acksMs: number[] = [];
  #tailsMs: number[] = [];
  #appends = 0;
  #recordsRead = 0;
  #errors = 0;
  /** What must not happen at all: a wrong record, a gap, a double. */
  readonly violations: string[] = [];

  private constructor(basin: S2Basin) {
    this.#basin = basin;
  }

  static async start(url: string): Promise<Load> {
    const s2 = new S2({ accessToken: "any", endpoints: new S2Endpoints({ account: url, basin: url }) });
    await s2.basins.create({ basin: BASIN, config: { createStreamOnAppend: true, createStreamOnRead: true } });
    const load = new Load(s2.basin(BASIN));
    load.#begin();
    return load;
  }

  #begin(): void {
    for (let i = 0; i < SMALL_WRITERS; i += 1) {
      const stream = this.#basin.stream(`small/${i}`);
      this.#keep(SMALL_PAUSE_MS, () => this.#append(stream, [AppendRecord.string({ body: stamped("small") })]));
      if (i % 2 === 0) this.#follow(`small/${i}`);
    }
    const large = this.#basin.stream("large");
    const filler = "x".repeat(LARGE_RECORD_BYTES);
    this.#keep(LARGE_PAUSE_MS, () =>
      this.#append(
        large,
        Array.from({ length: LARGE_RECORDS }, () => AppendRecord.string({ body: stamped(filler) })),
      ),
    );
    this.#follow("large");
    this.#keep(HISTORY_PAUSE_MS, () =>
      this.#readHistory(this.#basin.stream(`small/${Math.floor(Math.random() * SMALL_WRITERS)}`)),
    );
    this.#keep(HISTORY_PAUSE_MS, () => this.#readHistory(large));
    let churned = 0;
    this.#keep(CHURN_PAUSE_MS, async () => {
      churned += 1;
      const stream = `churn/${churned}`;
      await this.#append(this.#basin.stream(stream), [AppendRecord.string({ body: stamped("short-lived") })]);
      await this.#basin.streams.delete({ stream });
    });
  }

  /** Does `work` again and again until the end. Errors are counted, and do not end it. */
  #keep(pauseMs: number, work: () => Promise<void>): void {
    const run = async () => {
      while (!this.#stop.signal.aborted) {
        await work().catch(() => {
          this.#errors += 1;
        });
        await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      }
    };
    this.#running.push(run());
  }

  async #append(stream: S2Stream, records: ReturnType<typeof AppendRecord.string>[]): Promise<void> {
    const startMs = performance.now();
    await stream.append(AppendInput.create(records));
    this.#acksMs.push(performance.now() - startMs);
    this.#appends += 1;
  }

  /** Follows a stream from its beginning on, and measures how long records take from being sent to being seen. */
  #follow(name: string): void {
    let next = 0;
    this.#keep(CHURN_PAUSE_MS, async () => {
      const stream = this.#basin.stream(name);
      const session = await stream.readSession({ start: { from: { seqNum: next } } });
      const reader = session.getReader();
      const stop = () => void reader.cancel().catch(() => undefined);
      this.#stop.signal.addEventListener("abort", stop, { once: true });
      try {
        for (let each = await reader.read(); !each.done; each = await reader.read()) {
          const { seqNum, body } = each.value;
          if (seqNum !== next) this.violations.push(`${name}: ${seqNum} where ${next} was due`);
          next = seqNum + 1;
          this.#recordsRead += 1;
          this.#tailsMs.push(Date.now() - sentMs(body));
        }
      } finally {
        this.#stop.signal.removeEventListener("abort", stop);
      }
    });
  }

  async #readHistory(stream: S2Stream): Promise<void> {
    const { tail } = await stream.checkTail();
    if (tail.seqNum === 0) return;
    const seqNum = Math.floor(Math.random() * tail.seqNum);
    const batch = await stream.read({ start: { from: { seqNum } }, stop: { limits: { count: 100 } } });
    batch.records.forEach((record, i) => {
      if (record.seqNum !== seqNum + i) this.violations.push(`history: ${record.seqNum} where ${seqNum + i} was due`);
      if (!(sentMs(record.body) <= Date.now()))
        this.violations.push(`history: ${record.seqNum} is not what was written`);
    });
    this.#recordsRead += batch.records.length;
  }

  /** The figures since the last call. */
  take(): Figures {
    const figures = {
      ackP50Ms: percentile(this.#acksMs, 0.5),
      ackP99Ms: percentile(this.#acksMs, 0.99),
      tailP50Ms: percentile(this.#tailsMs, 0.5),
      tailP99Ms: percentile(this.#tailsMs, 0.99),
      appends: this.#appends,
      recordsRead: this.#recordsRead,
      errors: this.#errors,
    };
    this.#acksMs = [];
    this.#tailsMs = [];
    this.#appends = 0;
    this.#recordsRead = 0;
    this.#errors = 0;
    return figures;
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }
}

/** A body that begins with when it was sent. */
function stamped(text: string): string {
  return `${Date.now()} ${text}`;
}

/** NaN when the body is not one of ours. */
function sentMs(body: string): number {
  return Number(/^([0-9]{13}) /.exec(body)?.[1]);
}
