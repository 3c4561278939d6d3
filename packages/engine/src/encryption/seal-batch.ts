// Sealing a batch before it is sequenced: each record on its own, headers and body together, under a nonce of its own.
// Commands stay in the clear, and so do conditions, timestamps and what is metered.
import { AEAD_CIPHERS } from "../runtime/index.ts";
import { type AppendBatch, type AppendInput, BODY_TAG, RecordCursor, varintBytes, writeVarint } from "../wire/index.ts";
import { CLEAR_BYTES, sealingBytes, writeClear } from "./sealed-record.ts";
import type { StreamEncryption } from "./stream-encryption.ts";

/** One for all: walking is synchronous, and nothing is kept between walks. */
const cursor = new RecordCursor();

export function sealInput(encryption: StreamEncryption, input: AppendInput): AppendInput | Promise<AppendInput> {
  const batch = sealBatch(encryption, input.batch);
  return batch instanceof Promise ? batch.then((sealed) => ({ ...input, batch: sealed })) : { ...input, batch };
}

function sealBatch(encryption: StreamEncryption, batch: AppendBatch): AppendBatch | Promise<AppendBatch> {
  const { cipher, key, context, runtime } = encryption;
  const { count, spans, bytes, commands } = batch;
  const records = count - commands.length;
  if (records === 0) return batch;
  const added = sealingBytes(cipher);
  const isCommand = new Uint8Array(count);
  for (const command of commands) isCommand[command.index] = 1;

  let total = 0;
  for (let i = 0; i < count; i += 1) {
    const payloadBytes = spans[2 * i + 1] - spans[2 * i];
    total += isCommand[i] === 1 ? payloadBytes : bodyBytes(payloadBytes + added);
  }
  // Nothing else shares this memory: it may be handed to a thread.
  const sealed = new Uint8Array(total);
  const outSpans = new Uint32Array(2 * count);
  const sealedSpans = new Uint32Array(2 * records);
  const plainSpans = new Uint32Array(2 * records);
  const { nonceBytes } = AEAD_CIPHERS[cipher];
  const nonces = runtime.random.bytes(nonceBytes * records);
  let at = 0;
  let record = 0;
  for (let i = 0; i < count; i += 1) {
    const start = spans[2 * i];
    const end = spans[2 * i + 1];
    outSpans[2 * i] = at;
    if (isCommand[i] === 1) {
      sealed.set(bytes.subarray(start, end), at);
      at += end - start;
    } else {
      sealed[at] = BODY_TAG;
      at = writeVarint(sealed, at + 1, end - start + added, 0);
      sealedSpans[2 * record] = at;
      sealedSpans[2 * record + 1] = at + end - start + added;
      plainSpans[2 * record] = start;
      plainSpans[2 * record + 1] = end;
      cursor.toPayload(bytes, start, end);
      writeClear(sealed, at, cursor.meteredBytes);
      sealed.set(nonces.subarray(nonceBytes * record, nonceBytes * (record + 1)), at + CLEAR_BYTES);
      at = sealedSpans[2 * record + 1];
      record += 1;
    }
    outSpans[2 * i + 1] = at;
  }
  const done = runtime.threads.seal({
    cipher,
    key,
    context,
    clearBytes: CLEAR_BYTES,
    sealed,
    sealedSpans,
    plain: bytes,
    plainSpans,
  });
  const whole = (filled: Uint8Array): AppendBatch => ({ ...batch, bytes: filled, spans: outSpans });
  return done instanceof Promise ? done.then(whole) : whole(done);
}

function bodyBytes(length: number): number {
  return 1 + varintBytes(length, 0) + length;
}
