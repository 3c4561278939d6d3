// Reading a shard's log forward from a place to its end, as whoever takes over does.
// Believes nothing unverified. A hole is never taken for the end while something stands beyond reach of it.
import type { Deployment } from "../deployment.ts";
import { ObjectStoreError } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { type LogObjectHeader, verifyLogObject } from "./chunk-format.ts";
import { CorruptObjectError } from "./corrupt.ts";
import { FetchAhead } from "./fetch-ahead.ts";
import { numberOfKey, walKey, walPrefix } from "./keys.ts";
import type { StoreReads } from "./retry.ts";

/** Objects fetched ahead of the one that is being applied. */
const READ_AHEAD_OBJECTS = 16;

/** What reading has come to; it can be continued from here. */
export interface LogCursor {
  /** The next place to be read. */
  place: number;
  /** The epoch and owner in force there; epoch 0 before the first fence. */
  epoch: number;
  incarnation: Uint8Array;
  /** Whether the object just before is a release. */
  afterRelease: boolean;
  /** Places of the fences that were read. */
  readonly fences: number[];
}

/** Called with every chunk that counts, verified, in order. */
export type ApplyChunk = (key: string, header: LogObjectHeader, bytes: Uint8Array) => void;

/** An object that should be there is not: the log was collected meanwhile, and the manifest must be read again. */
export class LogMovedError extends Error {
  /** The missing object's. */
  readonly key: string;
  constructor(key: string) {
    super(`${key} is missing`);
    this.name = "LogMovedError";
    this.key = key;
  }
}

/** Where a log is read from. */
export interface LogSource {
  readonly runtime: Runtime;
  readonly store: StoreReads;
  readonly shard: number;
  readonly deployment: Deployment;
}

/** Reads on from `cursor` until a place is empty. Errors: CorruptObjectError, LogMovedError, ObjectStoreError. */
export async function readLog(source: LogSource, cursor: LogCursor, apply: ApplyChunk): Promise<void> {
  const { runtime, store, shard, deployment } = source;
  let after = cursor.place === 0 ? undefined : walKey(shard, cursor.place - 1);
  for (;;) {
    const keys = await store.list(walPrefix(shard), after);
    if (keys.length === 0) return;
    after = keys.at(-1);
    const fetches = new FetchAhead(keys.length, READ_AHEAD_OBJECTS, (index) => store.get(keys[index]));
    for (let i = 0; i < keys.length; i += 1) {
      const key = keys[i];
      const fetched = fetches.get(i);
      const place = numberOfKey(key);
      if (place === undefined) throw new CorruptObjectError(key, "it has no place in a log");
      // Void: the fence before has thrown away what its predecessor still had in flight.
      if (place < cursor.place) {
        runtime.branches.reached("void-chunk");
        continue;
      }
      // Chunks that were in flight beyond a missing one were never acknowledged: the log ends at the hole.
      if (place > cursor.place && !(await standsBeyond(source, cursor.place + deployment.window, keys))) {
        runtime.branches.reached("hole-ends-log");
        return;
      }
      if (place > cursor.place) throw new LogMovedError(walKey(shard, cursor.place));
      await readObject(key, place, fetched, cursor, apply);
    }
  }
}

/** Whether anything stands at `place` or behind it. `keys`: a page of what does. */
async function standsBeyond({ store, shard }: LogSource, place: number, keys: readonly string[]): Promise<boolean> {
  const before = walKey(shard, place - 1);
  if ((keys.at(-1) ?? "") > before) return true;
  return (await store.list(walPrefix(shard), before)).length > 0;
}

async function readObject(
  key: string,
  place: number,
  fetched: Promise<Uint8Array>,
  cursor: LogCursor,
  apply: ApplyChunk,
): Promise<void> {
  let bytes: Uint8Array;
  try {
    bytes = await fetched;
  } catch (error) {
    if (error instanceof ObjectStoreError && error.kind === "absent") throw new LogMovedError(key);
    throw error;
  }
  const header = verifyLogObject(key, place, bytes);
  advance(key, header, cursor);
  if (header.kind === "chunk") apply(key, header, bytes);
}

/** Moves the cursor over an object, and refuses one that cannot stand where it does. */
export function advance(key: string, header: LogObjectHeader, cursor: LogCursor): void {
  if (header.kind === "fence") {
    if (header.epoch <= cursor.epoch)
      throw new CorruptObjectError(key, `a fence of epoch ${header.epoch} after epoch ${cursor.epoch}`);
    cursor.epoch = header.epoch;
    cursor.incarnation = header.incarnation;
    cursor.fences.push(header.place);
  } else {
    if (header.epoch !== cursor.epoch || Buffer.compare(header.incarnation, cursor.incarnation) !== 0) {
      throw new CorruptObjectError(key, `it is of epoch ${header.epoch}, in the log of epoch ${cursor.epoch}`);
    }
    if (cursor.afterRelease) throw new CorruptObjectError(key, "it follows its owner's release");
  }
  cursor.afterRelease = header.kind === "release";
  cursor.place = header.nextPlace;
}
