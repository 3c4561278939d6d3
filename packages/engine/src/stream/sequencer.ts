// Sequencing one batch of one stream: a synchronous function from conditions to bytes in the open chunk.
// Checks, assigns and writes without giving way, so that nothing can come between a condition and what it guards.
import type { StreamCipher } from "../config.ts";
import { ConditionFailedError, EngineError } from "../errors.ts";
import type { Chunk } from "../shard/chunk.ts";
import { EntryKind } from "../shard/chunk-format.ts";
import { addJsonEntry, addRecordsEntry, type EntryPlace } from "../shard/open-chunk.ts";
import type { SlabAllocator } from "../shard/slab.ts";
import type { AppendBatch, AppendInput } from "../wire/index.ts";
import type { Stream } from "./stream.ts";
import { assignTimestamps } from "./timestamps.ts";

/** AES-256-GCM seals this many records of one stream and no more: beyond, its random nonces could meet. */
const MAX_GCM_SEQ_NUM = 2 ** 32 - 1;

/** The payload of a `state` entry. */
export interface StateEntry {
  readonly fencingToken: string;
  readonly trimPoint: number;
}

/** What was assigned, for the acknowledgement and for what follows from durability. */
export interface Sequenced {
  readonly firstSeqNum: number;
  readonly nextSeqNum: number;
  readonly firstTimestampLow: number;
  readonly firstTimestampHigh: number;
  readonly lastTimestampLow: number;
  readonly lastTimestampHigh: number;
  readonly meteredBytes: number;
  readonly entry: EntryPlace;
  /** What holds after this batch; undefined when it has no commands. */
  readonly state: StateEntry | undefined;
}

/**
 * Sequences a batch into `chunk`, or refuses it and changes nothing. Checks in the API's order: deletion, fencing token, sequence number, timestamps.
 * A refusal (ConditionFailedError, EngineError) rests on assigned state: it may be told only once `stream.lastChunk` is durable.
 */
export function sequence(
  stream: Stream,
  input: AppendInput,
  arrivalMs: number,
  chunk: Chunk,
  slabs: SlabAllocator,
): Sequenced {
  if (stream.deletedAtMs !== null) throw new EngineError("stream_deletion_pending", "the stream is being deleted");
  if (input.fencingToken !== undefined && input.fencingToken !== stream.fencingToken) {
    throw new ConditionFailedError({ kind: "fencing_token", actual: stream.fencingToken });
  }
  const { assigned } = stream;
  const firstSeqNum = assigned.nextSeqNum;
  if (input.matchSeqNum !== undefined && input.matchSeqNum !== firstSeqNum) {
    throw new ConditionFailedError({ kind: "seq_num", actual: firstSeqNum });
  }
  const { batch } = input;
  if (stream.cipher !== null) checkSealable(stream.cipher, batch, firstSeqNum);
  const timestamps = assignTimestamps(
    batch,
    stream.config,
    arrivalMs,
    assigned.lastTimestampLow,
    assigned.lastTimestampHigh,
  );
  const entry = addRecordsEntry(chunk, slabs, stream.id, batch, firstSeqNum, timestamps);

  assigned.nextSeqNum = firstSeqNum + batch.count;
  assigned.lastTimestampLow = timestamps[timestamps.length - 2];
  assigned.lastTimestampHigh = timestamps[timestamps.length - 1];
  stream.lastChunk = chunk;
  const state = batch.commands.length > 0 ? applyCommands(stream, input, firstSeqNum, chunk, slabs) : undefined;
  return {
    firstSeqNum,
    nextSeqNum: assigned.nextSeqNum,
    firstTimestampLow: timestamps[0],
    firstTimestampHigh: timestamps[1],
    lastTimestampLow: assigned.lastTimestampLow,
    lastTimestampHigh: assigned.lastTimestampHigh,
    meteredBytes: batch.meteredBytes,
    entry,
    state,
  };
}

/** Commands are not sealed, and may follow where records may not. */
function checkSealable(cipher: StreamCipher, batch: AppendBatch, firstSeqNum: number): void {
  if (cipher !== "aes-256-gcm" || firstSeqNum + batch.count - 1 <= MAX_GCM_SEQ_NUM) return;
  let last = batch.count - 1;
  for (let i = batch.commands.length - 1; i >= 0 && batch.commands[i].index === last; i -= 1) last -= 1;
  if (last >= 0 && firstSeqNum + last > MAX_GCM_SEQ_NUM) {
    throw new EngineError("invalid", `a stream encrypted with ${cipher} ends at sequence number ${MAX_GCM_SEQ_NUM}`);
  }
}

/** Commands take effect behind their own batch's check. Their sum is written beside the records, so that nobody has to look for commands in history. */
function applyCommands(
  stream: Stream,
  input: AppendInput,
  firstSeqNum: number,
  chunk: Chunk,
  slabs: SlabAllocator,
): StateEntry {
  for (const command of input.batch.commands) {
    if (command.kind === "fence") stream.fencingToken = command.token;
    else {
      // Beyond the tail means: just after the command itself.
      const trimPoint = Math.min(command.seqNum, firstSeqNum + command.index + 1);
      stream.assignedTrimPoint = Math.max(stream.assignedTrimPoint, trimPoint);
    }
  }
  const state: StateEntry = { fencingToken: stream.fencingToken, trimPoint: stream.assignedTrimPoint };
  addJsonEntry(chunk, slabs, EntryKind.state, stream.id, stream.assigned.nextSeqNum, state);
  return state;
}
