// Append inputs for tests: records made of strings, in the layout that the decoders produce.
import type { AppendCommand, AppendInput } from "../wire/index.ts";

export interface TestBatch {
  readonly bodies: readonly string[];
  readonly matchSeqNum?: number;
  readonly fencingToken?: string;
  /** One for each record; undefined for none. */
  readonly timestamps?: readonly (bigint | undefined)[];
  readonly commands?: readonly AppendCommand[];
}

export function inputOf(batch: TestBatch): AppendInput {
  const parts: Buffer[] = [];
  const spans = new Uint32Array(2 * batch.bodies.length);
  let at = 0;
  let meteredBytes = 0;
  batch.bodies.forEach((body, i) => {
    const bytes = Buffer.from(body);
    const length: number[] = [];
    for (let left = bytes.length; ; left >>>= 7) {
      if (left < 0x80) {
        length.push(left);
        break;
      }
      length.push((left & 0x7f) | 0x80);
    }
    const payload = bytes.length === 0 ? bytes : Buffer.concat([Buffer.from([0x22, ...length]), bytes]);
    spans[2 * i] = at;
    spans[2 * i + 1] = at + payload.length;
    at += payload.length;
    meteredBytes += 8 + bytes.length;
    parts.push(payload);
  });
  const { timestamps } = batch;
  const words = timestamps === undefined ? null : new Uint32Array(2 * timestamps.length);
  timestamps?.forEach((timestamp, i) => {
    if (words === null || timestamp === undefined) return;
    words[2 * i] = Number(timestamp & 0xffffffffn);
    words[2 * i + 1] = Number(timestamp >> 32n);
  });
  return {
    batch: {
      count: batch.bodies.length,
      meteredBytes,
      bytes: Buffer.concat(parts),
      spans,
      timestamps: words,
      hasTimestamp:
        timestamps === undefined ? null : Uint8Array.from(timestamps, (timestamp) => (timestamp === undefined ? 0 : 1)),
      commands: batch.commands ?? [],
    },
    matchSeqNum: batch.matchSeqNum,
    fencingToken: batch.fencingToken,
  };
}
