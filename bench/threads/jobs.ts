// Work that would hold up the event loop: each job as it would be on the loop, and as the server does it.
import { createHash, randomBytes } from "node:crypto";
import { AEAD_CIPHERS, type AeadCipher, type AeadJob, systemRuntime, VirtualRuntime } from "@tailrace/engine/runtime";
import { payloadOf } from "../../packages/engine/src/object-store/s3/payload.ts";
import type { Figures, Rounds } from "../report.ts";

const MIB = 1024 * 1024;
/** The virtual runtime does on the spot what others hand to threads. */
const onLoop = new VirtualRuntime({ seed: 1 }).threads;
const onThreads = systemRuntime.threads;
const MESSAGE_BYTES = 8 * 1024;

export interface Job {
  readonly name: string;
  /** How much one of it handles. */
  readonly bytes: number;
  /** Where it is done: on the event loop alone first, then as the server does it. */
  readonly places: readonly { readonly where: string; once(): Promise<unknown> }[];
}

export interface ThreadsResult extends Partial<Rounds> {
  readonly job: string;
  readonly where: string;
  readonly figures: Figures;
}

/** As compressible as JSON records are. */
function text(bytes: number): Buffer {
  const lines: string[] = [];
  for (let length = 0, i = 0; length < bytes; i += 1) {
    const line = JSON.stringify({
      seq_num: i,
      timestamp: 1_700_000_000_000 + 7 * i,
      body: randomBytes(24).toString("hex"),
    });
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join("").slice(0, bytes));
}

/** Messages one behind the other, in memory of their own. */
function sealing(cipher: AeadCipher, bytes: number): AeadJob {
  const count = bytes / MESSAGE_BYTES;
  const { nonceBytes, tagBytes } = AEAD_CIPHERS[cipher];
  const sealedBytes = nonceBytes + MESSAGE_BYTES + tagBytes;
  const spans = (each: number) => Uint32Array.from({ length: 2 * count }, (_, i) => each * ((i + 1) >> 1));
  return {
    cipher,
    key: new Uint8Array(randomBytes(32)),
    context: new Uint8Array(randomBytes(32)),
    clearBytes: 0,
    sealed: new Uint8Array(count * sealedBytes),
    sealedSpans: spans(sealedBytes),
    plain: new Uint8Array(bytes).fill(0x78),
    plainSpans: spans(MESSAGE_BYTES),
  };
}

function sealed(cipher: AeadCipher, bytes: number): Job {
  const again = (job: AeadJob): AeadJob => ({
    ...job,
    sealed: new Uint8Array(job.sealed.length),
    plain: Uint8Array.from(job.plain),
  });
  const job = sealing(cipher, bytes);
  return {
    name: `seal ${bytes / MESSAGE_BYTES} records of 8 KiB, ${cipher}`,
    bytes,
    places: [
      { where: "event loop", once: async () => onLoop.seal(again(job)) },
      { where: "threads", once: async () => onThreads.seal(again(job)) },
    ],
  };
}

function compressed(compression: "zstd" | "gzip", bytes: number): Job {
  const content = text(bytes);
  return {
    name: `compress ${bytes / 1024} KiB, ${compression}`,
    bytes,
    places: [
      { where: "event loop", once: () => onLoop.compress(compression, content) },
      { where: "threads", once: () => onThreads.compress(compression, content) },
    ],
  };
}

async function inflated(compression: "zstd" | "gzip", bytes: number): Promise<Job> {
  const content = await onLoop.compress(compression, text(bytes));
  return {
    name: `inflate to ${bytes / 1024} KiB, ${compression}`,
    bytes,
    places: [
      { where: "event loop", once: () => onLoop.decompress(compression, content, bytes) },
      { where: "threads", once: () => onThreads.decompress(compression, content, bytes) },
    ],
  };
}

function hashed(bytes: number): Job {
  const content = randomBytes(bytes);
  return {
    name: `hash a put of ${bytes / MIB} MiB, SHA-256`,
    bytes,
    places: [
      { where: "event loop, in one go", once: async () => createHash("sha256").update(content).digest("hex") },
      { where: "event loop, MiB by MiB", once: () => payloadOf([content], systemRuntime) },
    ],
  };
}

export async function jobs(): Promise<Job[]> {
  return [
    compressed("zstd", 256 * 1024),
    compressed("gzip", 256 * 1024),
    await inflated("zstd", MIB),
    await inflated("gzip", MIB),
    sealed("aes-256-gcm", 512 * 1024),
    sealed("aegis-256", 512 * 1024),
    hashed(64 * MIB),
  ];
}
