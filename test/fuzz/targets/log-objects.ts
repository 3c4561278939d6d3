// What is kept in the object store. Under its own checksums any damage at all is found; under repaired ones an object is refused as
// corrupt or read within its bounds.
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { Replay } from "../../../packages/engine/src/catalog/replay.ts";
import { StreamCatalog } from "../../../packages/engine/src/catalog/stream-catalog.ts";
import { DeploymentError, openDeployment } from "../../../packages/engine/src/deployment.ts";
import { MemoryStore } from "../../../packages/engine/src/object-store/index.ts";
import { systemRuntime } from "../../../packages/engine/src/runtime/index.ts";
import { Unflushed } from "../../../packages/engine/src/segment/unflushed.ts";
import { CHUNK_HEADER_BYTES, verifyLogObject } from "../../../packages/engine/src/shard/chunk-format.ts";
import { CorruptObjectError } from "../../../packages/engine/src/shard/corrupt.ts";
import { DEPLOYMENT_KEY } from "../../../packages/engine/src/shard/keys.ts";
import { LogClock } from "../../../packages/engine/src/shard/log-clock.ts";
import { decodeManifest } from "../../../packages/engine/src/shard/manifest.ts";
import { RecordCursor } from "../../../packages/engine/src/wire/index.ts";
import { refusable, type Target } from "../target.ts";

const isCorrupt = (error: unknown) => error instanceof CorruptObjectError;
const KEY = "shards/0/wal/0000000000000003";
const PLACE = 3;

function replay(bytes: Uint8Array): boolean {
  const header = refusable(() => verifyLogObject(KEY, PLACE, bytes), isCorrupt);
  if (header === undefined) return false;
  assert.equal(bytes.length, CHUNK_HEADER_BYTES + header.contentBytes);
  if (header.kind === "chunk")
    refusable(
      () => new Replay(new StreamCatalog(), new LogClock(), new Unflushed(0), false).apply(KEY, header, bytes),
      isCorrupt,
    );
  return true;
}

/** Gives every entry that fits, and the header, the checksums and counts of what now stands there. */
function reseal(input: Uint8Array): Uint8Array {
  if (input.length < CHUNK_HEADER_BYTES) return input;
  const bytes = Uint8Array.from(input);
  const view = new DataView(bytes.buffer);
  let crc = 0;
  let count = 0;
  for (let at = CHUNK_HEADER_BYTES; at + 48 <= bytes.length; ) {
    const length = Math.min(Math.max(48, view.getUint32(at + 4, true)), bytes.length - at);
    view.setUint32(at + 4, length, true);
    // Payloads other than records are JSON that an owner wrote: the checksum stands for that.
    if (bytes[at + 8] !== 1) bytes[at + 8] = 6;
    view.setUint32(at, crc32(bytes.subarray(at + 4, at + length)), true);
    crc = crc32(bytes.subarray(at, at + 4), crc);
    count += 1;
    at += length;
  }
  view.setUint32(0, 0x54524c31, false);
  view.setUint8(4, 1);
  view.setUint32(8, PLACE, true);
  view.setUint32(12, 0, true);
  view.setUint32(48, count, true);
  view.setUint32(52, bytes.length - CHUNK_HEADER_BYTES, true);
  view.setUint32(56, crc, true);
  view.setUint32(60, crc32(bytes.subarray(0, 60)), true);
  return bytes;
}

/** Whole objects that an owner wrote, by their bytes in hexadecimal: what is none of them is damaged. */
function isDamaged(originals: ReadonlySet<string>, input: Uint8Array): boolean {
  return !originals.has(Buffer.from(input).toString("hex"));
}

export function logObjectTargets(corpusOf: (name: string) => readonly Uint8Array[]): readonly Target[] {
  const originals = (name: string) => new Set(corpusOf(name).map((input) => Buffer.from(input).toString("hex")));
  const chunks = originals("log-object");
  const manifests = originals("manifest");
  return [
    {
      name: "log-object",
      run(input) {
        if (isDamaged(chunks, input)) assert.ok(!replay(input), "a damaged object passed its checksums");
        else assert.ok(replay(input), "an object of the corpus is refused");
        replay(reseal(input));
      },
    },
    {
      name: "manifest",
      run(input) {
        const decoded = refusable(() => decodeManifest("shards/0/manifest/0000000000000001", 1, input), isCorrupt);
        assert.equal(decoded === undefined, isDamaged(manifests, input));
      },
    },
    {
      name: "deployment",
      async run(input) {
        const store = new MemoryStore();
        await store.put(DEPLOYMENT_KEY, [input]);
        const opened = await openDeployment(store, systemRuntime).catch((error: unknown) => {
          if (error instanceof DeploymentError || isCorrupt(error)) return undefined;
          throw error;
        });
        if (opened === undefined) return;
        for (const count of [opened.shards, opened.window, opened.leaseMs, opened.leaseMarginMs])
          assert.ok(Number.isSafeInteger(count) && count >= 1);
      },
    },
    {
      name: "record-cursor",
      run(input) {
        const cursor = new RecordCursor();
        cursor.reset(input, 0, input.length);
        let at = 0;
        const isBroken = (error: unknown) =>
          error instanceof Error && error.message.startsWith("a stored batch is malformed");
        refusable(() => {
          while (cursor.next()) {
            assert.ok(cursor.recordStart === at && cursor.recordEnd > at && cursor.recordEnd <= input.length);
            for (let header = cursor.headersStart; header < cursor.headersEnd; ) header = cursor.header(header);
            assert.ok(cursor.bodyStart <= cursor.bodyEnd && cursor.bodyEnd === cursor.recordEnd);
            at = cursor.recordEnd;
          }
          assert.equal(at, input.length);
        }, isBroken);
      },
    },
  ];
}
