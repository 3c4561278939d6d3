// What a key-value replica reads: records of its log, snapshots, and what clients send to the Redis port.
import assert from "node:assert/strict";
import { MalformedError } from "@tailrace/replica";
import { decodeBatch, encodeBatch } from "../../../packages/kv/src/machine/batch.ts";
import { restoreSnapshot, takeSnapshot } from "../../../packages/kv/src/machine/snapshot.ts";
import { ProtocolError, type Request, RequestParser } from "../../../packages/kv/src/resp/parser.ts";
import type { Keyspace } from "../../../packages/kv/src/state/keyspace.ts";
import { refusable, type Target } from "../target.ts";

const isMalformed = (error: unknown): boolean => error instanceof MalformedError;

async function restored(chunks: Iterable<Uint8Array>): Promise<Keyspace | undefined> {
  async function* source() {
    yield* chunks;
  }
  try {
    return await restoreSnapshot(source());
  } catch (error) {
    if (isMalformed(error)) return undefined;
    throw error;
  }
}

/** What is said to whom sends this in pieces of a size, and in what it all ended. */
function parsed(
  input: Uint8Array,
  size: number,
): { readonly requests: Request[]; readonly refused: string | undefined } {
  const parser = new RequestParser();
  parser.authenticated = true;
  const requests: Request[] = [];
  const refused = refusable(
    () => {
      for (let at = 0; at < input.length; at += size) {
        parser.push(Buffer.from(input.subarray(at, at + size)), (request) => requests.push(request));
      }
      return "taken";
    },
    (error) => error instanceof ProtocolError,
  );
  return { requests, refused };
}

export const keyValueTargets: readonly Target[] = [
  {
    name: "kv-record",
    run(input) {
      const batch = refusable(() => decodeBatch(input), isMalformed);
      if (batch !== undefined) assert.deepEqual(decodeBatch(encodeBatch(batch)), batch);
    },
  },
  {
    name: "kv-snapshot",
    async run(input) {
      const keyspace = await restored([input]);
      if (keyspace === undefined) return;
      const again = await restored(takeSnapshot(keyspace));
      assert.deepEqual(again?.digest, keyspace.digest);
    },
  },
  {
    name: "resp",
    run(input) {
      const whole = parsed(input, Math.max(1, input.length));
      assert.deepEqual(parsed(input, 1), whole);
      for (const { args } of whole.requests) assert.ok(args.length > 0);
    },
  },
];
