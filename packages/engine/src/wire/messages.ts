// The small messages that the server answers with, in protobuf: AppendAck, and the tail of a ReadBatch.
import type { Position } from "./position.ts";
import { varintBytes, writeVarint } from "./varint.ts";

export interface AckPositions {
  readonly start: Position;
  readonly end: Position;
  readonly tail: Position;
}

const WORD = 0xffffffffn;

function positionBytes(position: Position): number {
  const { seqNum, timestamp } = position;
  return (
    2 +
    varintBytes(seqNum >>> 0, Math.floor(seqNum / 2 ** 32)) +
    varintBytes(Number(timestamp & WORD), Number(timestamp >> 32n))
  );
}

/** A position as a length-delimited field; `tag` takes one byte. */
function writePosition(target: Uint8Array, offset: number, tag: number, position: Position): number {
  target[offset] = tag;
  let at = writeVarint(target, offset + 1, positionBytes(position), 0);
  target[at] = 0x08;
  at = writeVarint(target, at + 1, position.seqNum >>> 0, Math.floor(position.seqNum / 2 ** 32));
  target[at] = 0x10;
  return writeVarint(target, at + 1, Number(position.timestamp & WORD), Number(position.timestamp >> 32n));
}

export function encodeAppendAck(ack: AckPositions): Uint8Array {
  // A position is at most 22 bytes, its tag and length two.
  const bytes = new Uint8Array(6 + positionBytes(ack.start) + positionBytes(ack.end) + positionBytes(ack.tail));
  let at = writePosition(bytes, 0, 0x0a, ack.start);
  at = writePosition(bytes, at, 0x12, ack.end);
  writePosition(bytes, at, 0x1a, ack.tail);
  return bytes;
}

/** The field `tail` of a ReadBatch: the records' slices before it, this behind them, and the message is whole. */
export function encodeReadBatchTail(tail: Position): Uint8Array {
  const bytes = new Uint8Array(2 + positionBytes(tail));
  writePosition(bytes, 0, 0x12, tail);
  return bytes;
}
