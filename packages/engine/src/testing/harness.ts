// An engine under virtual time on a store in memory, with what tests need to look at it.
import { DEFAULT_BASIN_CONFIG } from "../config.ts";
import { Engine } from "../engine.ts";
import type { ReadEvent, ReadOptions } from "../engine-api.ts";
import { MemoryStore, type ObjectStore } from "../object-store/index.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import type { CompactionLimits } from "../segment/plan-compaction.ts";
import type { FlushLimits } from "../segment/unflushed.ts";
import { RecordCursor } from "../wire/index.ts";
import { inputOf, type TestBatch } from "./inputs.ts";

export const BASIN = "test-basin";
export const STREAM = "events";

/** A store that several engines share, and that outlives each of them. */
export function sharedStore(exclusive = false): ObjectStore {
  return new MemoryStore({ exclusive });
}

export class Harness {
  readonly runtime: VirtualRuntime;
  readonly engine: Engine;
  readonly halts: Error[] = [];

  private constructor(
    store: ObjectStore,
    runtime: VirtualRuntime,
    flushLimits?: FlushLimits,
    compactionLimits?: CompactionLimits,
    logStore?: ObjectStore,
    restMs?: number,
  ) {
    this.runtime = runtime;
    const onHalt = (error: Error) => this.halts.push(error);
    this.engine = Engine.start({ runtime, store, logStore, flushLimits, compactionLimits, restMs, onHalt });
  }

  /** Starts an engine without waiting for it. */
  static start(
    store: ObjectStore,
    runtime: VirtualRuntime = new VirtualRuntime({ seed: 1 }),
    flushLimits?: FlushLimits,
    compactionLimits?: CompactionLimits,
    logStore?: ObjectStore,
    restMs?: number,
  ): Harness {
    return new Harness(store, runtime, flushLimits, compactionLimits, logStore, restMs);
  }

  static async open(
    store: ObjectStore = sharedStore(),
    runtime: VirtualRuntime = new VirtualRuntime({ seed: 1 }),
    flushLimits?: FlushLimits,
    compactionLimits?: CompactionLimits,
    logStore?: ObjectStore,
    restMs?: number,
  ): Promise<Harness> {
    const harness = new Harness(store, runtime, flushLimits, compactionLimits, logStore, restMs);
    await runtime.until(harness.engine.started);
    return harness;
  }

  /** Lets virtual time pass until `promise` settles. */
  until<T>(promise: Promise<T>): Promise<T> {
    return this.runtime.until(promise);
  }

  async withStream(): Promise<this> {
    await this.until(this.engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
    await this.until(this.engine.streams.ensure(BASIN, STREAM, {}));
    return this;
  }

  append(batch: TestBatch, stream = STREAM) {
    return this.engine.append(BASIN, stream, inputOf(batch), { config: {} });
  }

  /** Bodies from `seqNum` to the tail. */
  async readAll(seqNum = 0, stream = STREAM): Promise<string[]> {
    const { records } = await this.read(
      { start: { kind: "seq_num", seqNum }, count: 1_000_000, mode: "session" },
      stream,
    );
    return records.map((record) => record.body);
  }

  /** Reads until the read ends. */
  async read(options: Partial<ReadOptions>, stream = STREAM): Promise<{ records: TestRecord[]; events: ReadEvent[] }> {
    const reader = await this.until(
      this.engine.openReader(
        BASIN,
        stream,
        {
          start: { kind: "seq_num", seqNum: 0 },
          clamp: false,
          count: undefined,
          bytes: undefined,
          until: undefined,
          waitMs: undefined,
          mode: "session",
          ...options,
        },
        { config: {} },
      ),
    );
    const records: TestRecord[] = [];
    const events: ReadEvent[] = [];
    for (;;) {
      const event = await this.until(reader.next());
      events.push(event);
      if (event.kind === "batch") records.push(...recordsOf(event.slices));
      if (event.kind === "end" || options.mode === "unary") return { records, events };
    }
  }
}

export interface TestRecord {
  readonly seqNum: number;
  readonly timestamp: bigint;
  readonly body: string;
}

export function recordsOf(slices: readonly Uint8Array[]): TestRecord[] {
  const cursor = new RecordCursor();
  const records: TestRecord[] = [];
  for (const slice of slices) {
    cursor.reset(slice, 0, slice.length);
    while (cursor.next()) {
      records.push({
        seqNum: cursor.seqNum,
        timestamp: cursor.timestamp,
        body: Buffer.from(slice.subarray(cursor.bodyStart, cursor.bodyEnd)).toString(),
      });
    }
  }
  return records;
}
