// What segments and log say of each stream, read in their order: its name, its tail, what of it is trimmed, and whether its sequence numbers
// are dense. The same facts as the engine rebuilds, kept apart from it on purpose: who checks must not trust what he checks.
import type { CreatedEntry, StreamEntry } from "../catalog/entries.ts";
import type { SegmentMeta, SegmentRun } from "../segment/segment-format.ts";
import {
  CHUNK_HEADER_BYTES,
  ENTRY_HEADER_BYTES,
  EntryKind,
  entryBytes,
  entryCount,
  entryFirstSeqNum,
  entryKind,
  entryLastTimestampHigh,
  entryLastTimestampLow,
  entryStreamId,
} from "../shard/chunk-format.ts";
import type { StateEntry } from "../stream/sequencer.ts";
import { timestampOf } from "../stream/stream.ts";
import { recordsProblem } from "./records-problem.ts";

export interface BookedStream {
  readonly id: string;
  readonly basinId: string;
  readonly name: string;
  nextSeqNum: number;
  lastTimestamp: bigint;
  trimPoint: number;
  /** Sequence numbers below this are nowhere: they must all be trimmed. */
  missingBelow: number;
  /** The object from which on it is there. */
  missingBefore: string;
  /** Its records in the log. */
  logRecords: number;
}

/** Told of everything that does not fit. */
export type OnProblem = (key: string, what: string) => void;

export class StreamBook {
  /** By id in hexadecimal. */
  readonly streams = new Map<string, BookedStream>();
  readonly #onProblem: OnProblem;
  /** Something that cannot be read stands before: what follows may begin anywhere. */
  #isTorn = false;

  constructor(onProblem: OnProblem) {
    this.#onProblem = onProblem;
  }

  /** A part of the log, or a segment, cannot be read. */
  tear(): void {
    this.#isTorn = true;
  }

  /** Takes what a segment says. Segments come in the order of the manifest, and before the log. */
  addSegment(key: string, { catalog, streams }: SegmentMeta): void {
    const indexed = streams.map(({ id, runs }) => {
      const hex = Buffer.from(id).toString("hex");
      return { id: hex, runs, tail: this.streams.get(hex)?.nextSeqNum ?? 0 };
    });
    for (let at = 0; at < catalog.length; at += entryBytes(catalog, at)) this.#catalogEntry(key, catalog, at);
    let previous = "";
    for (const { id, runs, tail } of indexed) {
      if (id <= previous) this.#onProblem(key, `its index names stream ${id} after ${previous}`);
      previous = id;
      this.#runs(key, id, runs, tail);
    }
  }

  #catalogEntry(key: string, catalog: Uint8Array, at: number): void {
    const id = idAt(catalog, at);
    switch (entryKind(catalog, at)) {
      case EntryKind.removed:
        this.streams.delete(id);
        break;
      case EntryKind.basinRemoved:
        this.#removeBasin(id);
        break;
      case EntryKind.stream: {
        const entry = this.#json<StreamEntry>(key, catalog, at);
        if (entry === undefined) break;
        const stream = this.#opened(id, entry);
        const nextSeqNum = entryFirstSeqNum(catalog, at);
        if (nextSeqNum < stream.nextSeqNum)
          this.#onProblem(key, `it has the tail of stream ${id} at ${nextSeqNum}, before ${stream.nextSeqNum}`);
        if (entry.trimPoint < stream.trimPoint)
          this.#onProblem(key, `it has stream ${id} trimmed up to ${entry.trimPoint}, before ${stream.trimPoint}`);
        stream.trimPoint = Math.max(stream.trimPoint, entry.trimPoint);
        stream.nextSeqNum = nextSeqNum;
        stream.lastTimestamp = lastTimestamp(catalog, at);
        break;
      }
      default:
        this.#onProblem(key, `its catalog has an entry of kind ${entryKind(catalog, at)} at ${at}`);
    }
  }

  #runs(key: string, id: string, runs: readonly SegmentRun[], tail: number): void {
    const stream = this.streams.get(id);
    // Removed since.
    if (stream === undefined) return;
    if (runs.length === 0) this.#onProblem(key, `its index has no run of stream ${id}`);
    let first = tail;
    for (const run of runs) {
      if (run.firstSeqNum < first)
        this.#onProblem(key, `its index has stream ${id} at ${run.firstSeqNum} where ${first} should follow`);
      else if (run.firstSeqNum > first && run === runs[0]) this.#missing(stream, key, run.firstSeqNum);
      first = run.firstSeqNum + 1;
    }
    if (first > stream.nextSeqNum) this.#onProblem(key, `its index has stream ${id} beyond its tail`);
  }

  /** Takes a whole chunk, verified as far as its checksums go. */
  addChunk(key: string, bytes: Uint8Array): void {
    for (let at = CHUNK_HEADER_BYTES; at < bytes.length; at += entryBytes(bytes, at)) this.#logEntry(key, bytes, at);
  }

  #logEntry(key: string, bytes: Uint8Array, at: number): void {
    const id = idAt(bytes, at);
    const kind = entryKind(bytes, at);
    if (kind === EntryKind.created) {
      const entry = this.#json<CreatedEntry>(key, bytes, at);
      if (entry === undefined) return;
      if (this.streams.has(id)) this.#onProblem(key, `it creates stream ${id}, which is there`);
      this.#opened(id, entry);
      return;
    }
    if (kind === EntryKind.clock) {
      this.#json(key, bytes, at);
      return;
    }
    if (kind === EntryKind.basinRemoved) {
      this.#removeBasin(id);
      return;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) {
      if (!this.#isTorn) this.#onProblem(key, `an entry at ${at} is of stream ${id}, which was never created`);
      return;
    }
    switch (kind) {
      case EntryKind.records:
        this.#records(key, stream, bytes, at);
        break;
      case EntryKind.state:
        stream.trimPoint = Math.max(stream.trimPoint, this.#json<StateEntry>(key, bytes, at)?.trimPoint ?? 0);
        break;
      case EntryKind.removed:
        this.streams.delete(id);
        break;
      case EntryKind.configured:
      case EntryKind.deleted:
        this.#json(key, bytes, at);
        break;
      default:
        this.#onProblem(key, `the entry at ${at} is of unknown kind ${kind}`);
    }
  }

  #records(key: string, stream: BookedStream, bytes: Uint8Array, at: number): void {
    const first = entryFirstSeqNum(bytes, at);
    const next = stream.nextSeqNum;
    if (first !== next && !(this.#isTorn && first > next))
      this.#onProblem(key, `the entry at ${at} of stream ${stream.id} begins at ${first}, not ${next}`);
    const problem = recordsProblem(bytes, at, stream.lastTimestamp);
    if (problem !== undefined) this.#onProblem(key, problem);
    stream.nextSeqNum = first + entryCount(bytes, at);
    stream.lastTimestamp = lastTimestamp(bytes, at);
    stream.logRecords += entryCount(bytes, at);
  }

  /** All is read: what is missing must be what is trimmed. */
  finish(): void {
    if (this.#isTorn) return;
    for (const { id, missingBelow, missingBefore, trimPoint } of this.streams.values())
      if (missingBelow > trimPoint)
        this.#onProblem(
          missingBefore,
          `records of stream ${id} before ${missingBelow} are missing, and it is trimmed up to ${trimPoint} only`,
        );
  }

  #missing(stream: BookedStream, key: string, below: number): void {
    stream.missingBelow = below;
    stream.missingBefore = key;
  }

  #opened(id: string, { basinId, name }: CreatedEntry): BookedStream {
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = {
        id,
        basinId,
        name,
        nextSeqNum: 0,
        lastTimestamp: 0n,
        trimPoint: 0,
        missingBelow: 0,
        missingBefore: "",
        logRecords: 0,
      };
      this.streams.set(id, stream);
    }
    return stream;
  }

  #removeBasin(basinId: string): void {
    for (const [id, stream] of this.streams) if (stream.basinId === basinId) this.streams.delete(id);
  }

  #json<T>(key: string, bytes: Uint8Array, at: number): T | undefined {
    const payload = Buffer.from(
      bytes.buffer,
      bytes.byteOffset + at + ENTRY_HEADER_BYTES,
      entryBytes(bytes, at) - ENTRY_HEADER_BYTES,
    );
    try {
      // Its checksum is right: an owner wrote it.
      return JSON.parse(payload.toString()) as T;
    } catch (error) {
      this.#onProblem(key, `the entry at ${at} is no JSON: ${String(error)}`);
      return undefined;
    }
  }
}

function idAt(bytes: Uint8Array, at: number): string {
  return Buffer.from(entryStreamId(bytes, at)).toString("hex");
}

function lastTimestamp(bytes: Uint8Array, at: number): bigint {
  return timestampOf(entryLastTimestampLow(bytes, at), entryLastTimestampHigh(bytes, at));
}
