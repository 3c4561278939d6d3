// The numbers by which snapshots name the types of collections. Part of the format: a number is never used for another type.
import { Hash } from "./hash.ts";
import { List } from "./list.ts";
import { SortedSet } from "./sorted-set.ts";
import { StringSet } from "./string-set.ts";
import type { Collection } from "./value.ts";

const CLASSES: ReadonlyMap<number, new () => Collection> = new Map<number, new () => Collection>([
  [1, Hash],
  [2, List],
  [3, StringSet],
  [4, SortedSet],
]);

const TAGS: ReadonlyMap<unknown, number> = new Map([...CLASSES].map(([tag, type]) => [type, tag]));

export function tagOf(collection: Collection): number {
  const tag = TAGS.get(collection.constructor);
  if (tag === undefined) throw new Error(`no tag for a ${collection.type}`);
  return tag;
}

export function isCollectionTag(tag: number): boolean {
  return CLASSES.has(tag);
}

/** Throws for a number that is of no type. */
export function emptyCollection(tag: number): Collection {
  const type = CLASSES.get(tag);
  if (type === undefined) throw new Error(`no collection has the tag ${tag}`);
  return new type();
}
