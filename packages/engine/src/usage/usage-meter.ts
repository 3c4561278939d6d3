// Counts what is used, as it is used: a few additions an append or a read. Holds what has been counted since it was last taken, and nothing of time.
import { SYSTEM_BASIN_ID } from "../account/system-stream.ts";
import type { Stream } from "../stream/stream.ts";
import type { BasinUsage, Counts, UsageRecord } from "./usage-record.ts";

/** Basins in one record, and streams: a record must be readable in one piece. Who does not fit is in the next. */
const MAX_BASINS_PER_RECORD = 500;
const MAX_STREAMS_PER_RECORD = 1000;

class BasinMeter {
  readonly appendOps: Counts = {};
  readonly ops: Counts = {};
  appendBytes = 0;
  readBytes = 0;
  unaryReads = 0;
  streamingReads = 0;
  storageChanged = false;
}

export class UsageMeter {
  readonly #basins = new Map<string, BasinMeter>();
  /** Metered bytes stored, by basin, as of what has been taken. */
  readonly #stored = new Map<string, number>();
  /** Streams with something else stored than was last taken. */
  readonly #changed = new Set<Stream>();
  /** What those of them store that have left memory, by id in hexadecimal. */
  readonly #left = new Map<string, number>();
  #account: Counts = {};
  #touched = false;
  /** Called when something is counted while nothing was. */
  onTouched: () => void = () => undefined;

  /** What is stored when counting begins: by basin, with what is counted of these streams, which may store something else by now. */
  begin(stored: Iterable<readonly [basinId: string, bytes: number]>, streams: Iterable<Stream>): void {
    for (const [basinId, bytes] of stored) this.#stored.set(basinId, bytes);
    for (const stream of streams) this.#settle(stream);
  }

  accountOperation(name: string): void {
    this.#account[`op:${name}`] = (this.#account[`op:${name}`] ?? 0) + 1;
    this.#touch();
  }

  basinOperation(basinId: string, name: string): void {
    const { ops } = this.#basin(basinId);
    ops[name] = (ops[name] ?? 0) + 1;
  }

  appendOperation(stream: Stream): void {
    const { appendOps } = this.#basin(stream.basinId);
    const { storageClass } = stream.config;
    appendOps[storageClass] = (appendOps[storageClass] ?? 0) + 1;
  }

  /** A batch has become durable. */
  appended(stream: Stream, meteredBytes: number): void {
    if (stream.basinId === SYSTEM_BASIN_ID) return;
    this.#basin(stream.basinId).appendBytes += meteredBytes;
    this.#changed.add(stream);
    this.settle(stream);
  }

  readOperation(stream: Stream, kind: "unary" | "streaming"): void {
    if (stream.basinId === SYSTEM_BASIN_ID) return;
    const basin = this.#basin(stream.basinId);
    if (kind === "unary") basin.unaryReads += 1;
    else basin.streamingReads += 1;
  }

  delivered(stream: Stream, meteredBytes: number): void {
    if (stream.basinId !== SYSTEM_BASIN_ID) this.#basin(stream.basinId).readBytes += meteredBytes;
  }

  /** A stream stores less: it was trimmed without an append, or it is gone. */
  shrunk(stream: Stream): void {
    if (stream.basinId === SYSTEM_BASIN_ID) return;
    this.#changed.add(stream);
    this.settle(stream);
    this.#touch();
  }

  /** Whether anything has been counted since it was last taken. */
  get touched(): boolean {
    return this.#touched;
  }

  /** Metered bytes that a basin stores now. */
  stored(basinId: string): number {
    return this.#stored.get(basinId) ?? 0;
  }

  /** Metered bytes that each basin stores now. */
  storedByBasin(): ReadonlyMap<string, number> {
    return this.#stored;
  }

  /** What has been counted, without taking it. */
  peek(at: number, nameOf: (basinId: string) => string): UsageRecord {
    const basins: Record<string, BasinUsage> = {};
    for (const [id, meter] of this.#basins) basins[id] = this.#usageOf(id, meter, nameOf);
    const streams: Record<string, number> = {};
    for (const [id, bytes] of this.#left) streams[id] = bytes;
    for (const stream of this.#changed) streams[idOf(stream)] = storedBytes(stream);
    return { at, account: { ...this.#account }, basins, streams };
  }

  /** Takes what has been counted, or as much of it as one record holds. */
  take(at: number, nameOf: (basinId: string) => string): UsageRecord {
    const basins: Record<string, BasinUsage> = {};
    let count = 0;
    for (const [id, meter] of this.#basins) {
      if (count === MAX_BASINS_PER_RECORD) break;
      basins[id] = this.#usageOf(id, meter, nameOf);
      this.#basins.delete(id);
      count += 1;
    }
    const streams: Record<string, number> = {};
    count = 0;
    for (const [id, bytes] of this.#left) {
      if (count === MAX_STREAMS_PER_RECORD) break;
      streams[id] = bytes;
      this.#left.delete(id);
      count += 1;
    }
    for (const stream of this.#changed) {
      if (count === MAX_STREAMS_PER_RECORD) break;
      streams[idOf(stream)] = storedBytes(stream);
      this.#changed.delete(stream);
      count += 1;
    }
    const account = this.#account;
    this.#account = {};
    this.#touched = this.#basins.size > 0 || this.#changed.size > 0 || this.#left.size > 0;
    return { at, account, basins, streams };
  }

  /** Counts what a stream stores now into its basin's sum. */
  settle(stream: Stream): void {
    if (this.#settle(stream)) this.#basin(stream.basinId).storageChanged = true;
  }

  /** True when that is something else than before. */
  #settle(stream: Stream): boolean {
    if (stream.basinId === SYSTEM_BASIN_ID) return false;
    const now = storedBytes(stream);
    const change = now - stream.countedBytes;
    if (change === 0) return false;
    stream.countedBytes = now;
    this.#stored.set(stream.basinId, (this.#stored.get(stream.basinId) ?? 0) + change);
    return true;
  }

  /** A stream leaves memory. */
  forget(stream: Stream): void {
    if (this.#changed.delete(stream)) this.#left.set(idOf(stream), storedBytes(stream));
  }

  /** All streams of a basin are gone, those that are not in memory included. */
  basinRemoved(basinId: string): void {
    if (basinId === SYSTEM_BASIN_ID || (this.#stored.get(basinId) ?? 0) === 0) return;
    this.#stored.set(basinId, 0);
    this.#basin(basinId).storageChanged = true;
  }

  #usageOf(id: string, meter: BasinMeter, nameOf: (basinId: string) => string): BasinUsage {
    const counts: Counts = {};
    const set = (key: string, value: number) => {
      if (value > 0) counts[key] = value;
    };
    for (const storageClass in meter.appendOps) set(`append-ops:${storageClass}`, meter.appendOps[storageClass]);
    for (const name in meter.ops) set(`op:${name}`, meter.ops[name]);
    set("append-bytes", meter.appendBytes);
    set("read-bytes", meter.readBytes);
    set("read-ops:unary", meter.unaryReads);
    set("read-ops:streaming", meter.streamingReads);
    const name = nameOf(id);
    return meter.storageChanged ? { name, counts, storage: this.#stored.get(id) ?? 0 } : { name, counts };
  }

  #basin(id: string): BasinMeter {
    let basin = this.#basins.get(id);
    if (basin === undefined) {
      basin = new BasinMeter();
      this.#basins.set(id, basin);
      this.#touch();
    }
    return basin;
  }

  #touch(): void {
    if (this.#touched) return;
    this.#touched = true;
    this.onTouched();
  }
}

export function idOf(stream: Stream): string {
  return Buffer.from(stream.id).toString("hex");
}

/** What is gone stores nothing. */
export function storedBytes(stream: Stream): number {
  return stream.gone ? 0 : stream.index.meteredBytes;
}
