import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MalformedError } from "../record/bytes.ts";
import { packed, unpacked } from "./frames.ts";

async function* each<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

async function all(pieces: readonly Uint8Array[]): Promise<Uint8Array[]> {
  const chunks = [];
  for await (const chunk of unpacked(each(pieces))) chunks.push(Uint8Array.from(chunk));
  return chunks;
}

test("chunks come back as they were, whatever the pieces' size", async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 300 }));
  await fc.assert(
    fc.asyncProperty(chunks, fc.integer({ min: 1, max: 200 }), async (chunks, pieceBytes) => {
      const pieces = [...packed(chunks, pieceBytes)];
      for (const piece of pieces.slice(0, -1)) assert.equal(piece.length, pieceBytes);
      assert.deepEqual(await all(pieces), chunks);
    }),
  );
});

test("pieces that end within a chunk are no chunks", async () => {
  const pieces = [...packed([new Uint8Array(100), new Uint8Array(100)], 64)];
  await assert.rejects(all(pieces.slice(0, -1)), MalformedError);
  await assert.rejects(all([Uint8Array.of(0x80)]), MalformedError);
  await assert.rejects(all([new Uint8Array(20).fill(0xff)]), MalformedError);
});
