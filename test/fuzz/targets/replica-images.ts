// What a replica restores from: the image of a snapshot, cut into pieces. Whatever it says, it is refused as malformed or read as what encodes to the
// same again, and pieces come apart into the chunks they were made of.
import assert from "node:assert/strict";
import { decodeBookkeeping, encodeBookkeeping } from "../../../packages/replica/src/apply/image.ts";
import { MalformedError } from "../../../packages/replica/src/record/bytes.ts";
import { packed, unpacked } from "../../../packages/replica/src/snapshot/frames.ts";
import { refusable, type Target } from "../target.ts";

const isMalformed = (error: unknown) => error instanceof MalformedError;
/** Small, so that chunks are cut. */
const PIECE_BYTES = 7;

/** By their bytes. */
const textsOf = (chunks: readonly Uint8Array[] | undefined) =>
  chunks?.map((chunk) => Buffer.from(chunk).toString("hex"));

async function chunksOf(pieces: Iterable<Uint8Array>): Promise<Uint8Array[] | undefined> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of unpacked(asynchronous(pieces))) chunks.push(chunk);
  } catch (error) {
    if (isMalformed(error)) return undefined;
    throw error;
  }
  return chunks;
}

async function* asynchronous<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

export const replicaImageTargets: readonly Target[] = [
  {
    name: "replica-image",
    run(input) {
      const kept = refusable(() => decodeBookkeeping(input), isMalformed);
      if (kept === undefined) return;
      const again = decodeBookkeeping(encodeBookkeeping(kept));
      assert.deepEqual([...again.sessions], [...kept.sessions]);
      assert.equal(again.token, kept.token);
      assert.deepEqual(again.leader, kept.leader);
    },
  },
  {
    name: "replica-pieces",
    async run(input) {
      const chunks = await chunksOf([input]);
      if (chunks === undefined) return;
      assert.deepEqual(textsOf(await chunksOf(packed(chunks, PIECE_BYTES))), textsOf(chunks));
    },
  },
];
