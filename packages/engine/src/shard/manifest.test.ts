// Manifests are believed whole or not at all; and those of older builds are read as what they meant.
import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "node:zlib";
import { CorruptObjectError } from "./corrupt.ts";
import { decodeManifest, encodeManifest, type Manifest, NO_MANIFEST } from "./manifest.ts";

const KEY = "a-manifest";

const MANIFEST: Manifest = {
  version: 7,
  predecessor: 6,
  epoch: 3,
  incarnation: "ab".repeat(16),
  logStart: 100,
  inForce: { epoch: 3, incarnation: "ab".repeat(16) },
  clockMs: 1_700_000_000_000,
  fences: [0, 40, 90],
  markers: [0, 2, 5],
  segments: [{ number: 4, epoch: 2, incarnation: "cd".repeat(16), bytes: 1_000, metaBytes: 200 }],
  nextSegment: 5,
};

test("a manifest is read as it was written, and not under another version", () => {
  const bytes = encodeManifest(MANIFEST);
  assert.deepEqual(decodeManifest(KEY, 7, bytes), MANIFEST);
  assert.throws(() => decodeManifest(KEY, 8, bytes), CorruptObjectError);
});

test("no flipped bit or cut is believed", () => {
  const bytes = encodeManifest(MANIFEST);
  for (let bit = 0; bit < 8 * bytes.length; bit += 1) {
    const damaged = Uint8Array.from(bytes);
    damaged[bit >> 3] ^= 1 << (bit & 7);
    assert.throws(() => decodeManifest(KEY, 7, damaged), CorruptObjectError, `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length += 1)
    assert.throws(() => decodeManifest(KEY, 7, bytes.subarray(0, length)), CorruptObjectError);
});

test("one that was written before logs were flushed was a marker, as all before it were", () => {
  const json = '{"version":2,"predecessor":1,"epoch":3,"incarnation":"00","logStart":0,"fences":[0,40]}';
  const old = Buffer.from(`${json}\n${crc32(json).toString(16).padStart(8, "0")}\n`);
  assert.deepEqual(decodeManifest(KEY, 2, old), {
    ...NO_MANIFEST,
    version: 2,
    predecessor: 1,
    epoch: 3,
    incarnation: "00",
    fences: [0, 40],
    markers: [0, 1, 2],
  });
});
