// Looks whether a segment's directory and names say what its catalog and index do: they follow from these, and are made anew here.

import { DirectoryBuilder, decodeDirectory } from "../segment/segment-directory.ts";
import { encodeIndex, indexBytesOf, type SegmentMeta } from "../segment/segment-format.ts";
import { entryBytes } from "../shard/chunk-format.ts";

/** Tells `onProblem` of what does not fit, in clauses. */
export function verifyDirectory(
  { catalog, streams, directory, names }: SegmentMeta,
  onProblem: (what: string) => void,
): void {
  if (directory === undefined) return;
  const builder = new DirectoryBuilder();
  for (let at = 0; at < catalog.length; at += entryBytes(catalog, at))
    builder.add(catalog.subarray(at, at + entryBytes(catalog, at)));
  const { names: ownNames, encoded } = builder.finish(encodeIndex(streams), streams, indexBytesOf);
  if (Buffer.compare(ownNames, names) !== 0) onProblem("its names are not those of its catalog");
  const own = decodeDirectory("", encoded).directory;
  for (const field of Object.keys(own) as (keyof typeof directory)[])
    if (!isSame(own[field], directory[field])) onProblem(`its directory has other ${field} than its catalog and index`);
}

function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Map && b instanceof Map) return isSame([...a], [...b]);
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  // Infinity is no JSON, and stands for never.
  const text = (value: unknown) =>
    JSON.stringify(value, (_, each) => (each === Number.POSITIVE_INFINITY ? "never" : each));
  return text(a) === text(b);
}
