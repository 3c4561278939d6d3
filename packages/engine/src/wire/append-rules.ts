// The API's rules for records and batches, which every decoder of append input applies. What breaks one is a WireError `invalid`.
import {
  type AppendCommand,
  MAX_BATCH_METERED_BYTES,
  MAX_BATCH_RECORDS,
  MAX_FENCING_TOKEN_BYTES,
} from "./append-batch.ts";
import { WireError } from "./wire-error.ts";

/** To the letter: a token may begin with what elsewhere marks an order of bytes. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function checkBatch(count: number, meteredBytes: number): void {
  if (count === 0) throw new WireError("invalid", "a batch must have at least one record");
  if (count > MAX_BATCH_RECORDS)
    throw new WireError("invalid", `a batch must have at most ${MAX_BATCH_RECORDS} records`);
  if (meteredBytes > MAX_BATCH_METERED_BYTES) {
    throw new WireError("invalid", `a batch must have at most ${MAX_BATCH_METERED_BYTES} metered bytes`);
  }
}

/** A record whose only header has an empty name is a command; the header's value names it, the body is its argument. */
export function parseCommand(index: number, headerCount: number, name: Uint8Array, body: Uint8Array): AppendCommand {
  if (headerCount !== 1) throw new WireError("invalid", `record ${index}: a header name is empty`);
  const command = Buffer.from(name.buffer, name.byteOffset, name.length).toString("latin1");
  if (command === "fence") {
    if (body.length > MAX_FENCING_TOKEN_BYTES) {
      throw new WireError(
        "invalid",
        `record ${index}: a fencing token must have at most ${MAX_FENCING_TOKEN_BYTES} bytes`,
      );
    }
    return {
      kind: "fence",
      index,
      token: utf8(body, () => new WireError("invalid", `record ${index}: a fencing token must be UTF-8`)),
    };
  }
  if (command === "trim") {
    if (body.length !== 8)
      throw new WireError("invalid", `record ${index}: the body of a trim command must have 8 bytes`);
    const seqNum = new DataView(body.buffer, body.byteOffset, 8).getBigUint64(0, false);
    return { kind: "trim", index, seqNum: saturate(seqNum) };
  }
  throw new WireError("invalid", `record ${index}: "${command.slice(0, 36)}" is not a command`);
}

/** Strict UTF-8. */
export function utf8(bytes: Uint8Array, otherwise: () => WireError): string {
  try {
    return UTF8.decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) throw otherwise();
    throw error;
  }
}

function saturate(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}
