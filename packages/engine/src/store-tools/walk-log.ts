// Reading a shard's log as one who wants to know all that is wrong with it: says what does not fit, and goes on behind it as well as it can.
// (Whoever takes over reads with `shard/read-log.ts`, and stops at the first.)
import { decodeLogObjectHeader, type LogObjectHeader, verifyLogObject } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { FetchAhead } from "../shard/fetch-ahead.ts";
import { walKey } from "../shard/keys.ts";
import type { Manifest } from "../shard/manifest.ts";
import { advance, type LogCursor } from "../shard/read-log.ts";
import { getIfThere, type StoreReads } from "../shard/retry.ts";

/** Objects fetched ahead of the one that is looked at. */
const READ_AHEAD_OBJECTS = 16;

export interface LogObject {
  readonly key: string;
  readonly place: number;
  /** Undefined where its bytes are not what they should be. */
  readonly header: LogObjectHeader | undefined;
  /** Undefined where it is not there. */
  readonly bytes: Uint8Array | undefined;
  /** What is wrong with it; undefined when nothing is. */
  readonly problem: string | undefined;
}

export interface WalkedLog {
  /** The first empty place. */
  readonly end: number;
  /** The epoch in force there. */
  readonly epoch: number;
  /** Whether the last object is a release: nobody owns the log any more. */
  readonly released: boolean;
  /** Places that it leads over, those included where something is missing. */
  readonly visited: ReadonlySet<number>;
  /** Places of fences that it read, in order. */
  readonly fences: readonly number[];
  /** Places, from the log's start on, of objects that fences have thrown away. */
  readonly voidPlaces: readonly number[];
  /** Places of objects behind the end: in flight, or never acknowledged. */
  readonly beyondEnd: readonly number[];
}

export interface LogWalk {
  readonly reads: StoreReads;
  readonly shard: number;
  readonly window: number;
  readonly manifest: Pick<Manifest, "logStart" | "inForce" | "fences">;
  /** Places of all objects of the log, from the manifest's start on, in order. */
  readonly places: readonly number[];
  /** Called with each object of the log, in order, and for each that is missing; the walk goes on when it is done. */
  readonly visit: (object: LogObject) => void | Promise<void>;
}

/** Errors: ObjectStoreError when something cannot be read. */
export async function walkLog(walk: LogWalk): Promise<WalkedLog> {
  const { reads, shard, window, manifest, places, visit } = walk;
  const { inForce, logStart } = manifest;
  const cursor: LogCursor = {
    place: logStart,
    epoch: inForce?.epoch ?? 0,
    incarnation: Buffer.from(inForce?.incarnation ?? "", "hex"),
    afterRelease: false,
    fences: [],
  };
  const voidPlaces: number[] = [];
  const visited = new Set<number>();
  const fetches = new FetchAhead(places.length, READ_AHEAD_OBJECTS, (index) =>
    getIfThere(reads, walKey(shard, places[index])),
  );
  const visitAt = (place: number, bytes: Uint8Array): void | Promise<void> => {
    const object = look(walKey(shard, place), place, bytes, cursor);
    visited.add(place);
    if (object.header === undefined) skip(cursor, place, manifest.fences.includes(place) ? window : 1);
    return visit(object);
  };
  for (let i = 0; i < places.length; i += 1) {
    const place = places[i];
    // A listing passes over what is put while it goes on, and may have what was put behind that: whether it is there, only a get can tell.
    while (cursor.place < place) {
      const passedOver = await getIfThere(reads, walKey(shard, cursor.place));
      if (passedOver !== undefined) {
        await visitAt(cursor.place, passedOver);
        continue;
      }
      const isEnd = (places.at(-1) ?? 0) < cursor.place + window;
      if (isEnd) return walked(cursor, visited, voidPlaces, places.slice(i));
      visited.add(cursor.place);
      await visit(missing(shard, cursor.place));
      cursor.place = place;
    }
    if (place < cursor.place) {
      voidPlaces.push(place);
      continue;
    }
    const bytes = await fetches.get(i);
    if (bytes !== undefined) await visitAt(place, bytes);
    else {
      visited.add(place);
      await visit(missing(shard, place));
      skip(cursor, place, manifest.fences.includes(place) ? window : 1);
    }
  }
  return walked(cursor, visited, voidPlaces, []);
}

function walked(
  cursor: LogCursor,
  visited: ReadonlySet<number>,
  voidPlaces: readonly number[],
  beyondEnd: readonly number[],
): WalkedLog {
  const { place, epoch, afterRelease, fences } = cursor;
  return { end: place, epoch, released: afterRelease, visited, fences, voidPlaces, beyondEnd };
}

function missing(shard: number, place: number): LogObject {
  return { key: walKey(shard, place), place, header: undefined, bytes: undefined, problem: "it is missing" };
}

/** Looks at one object, and moves the cursor over it if its header can be read. */
function look(key: string, place: number, bytes: Uint8Array, cursor: LogCursor): LogObject {
  let problem: string | undefined;
  let header: LogObjectHeader | undefined;
  try {
    header = verifyLogObject(key, place, bytes);
  } catch (error) {
    problem = reason(error, key);
    header = headerAlone(key, place, bytes);
  }
  if (header === undefined) return { key, place, header, bytes, problem };
  try {
    advance(key, header, cursor);
  } catch (error) {
    problem ??= reason(error, key);
    // What stands there holds from there on, whatever stood before.
    cursor.epoch = header.epoch;
    cursor.incarnation = header.incarnation;
    cursor.afterRelease = header.kind === "release";
    cursor.place = header.nextPlace;
  }
  return { key, place, header, bytes, problem };
}

function headerAlone(key: string, place: number, bytes: Uint8Array): LogObjectHeader | undefined {
  try {
    return decodeLogObjectHeader(key, place, bytes);
  } catch (error) {
    if (!(error instanceof CorruptObjectError)) throw error;
    return undefined;
  }
}

function skip(cursor: LogCursor, place: number, places: number): void {
  cursor.place = place + places;
  cursor.afterRelease = false;
}

/** What is wrong with an object, without its key. Errors: those that are no CorruptObjectError. */
export function reason(error: unknown, key: string): string {
  if (!(error instanceof CorruptObjectError)) throw error;
  const prefix = `object ${key} is corrupt: `;
  return error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
}
