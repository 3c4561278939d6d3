// The manifest: versions put if absent, of which the newest is in force (docs/format.md).
// So far a version is the marker of an epoch. Fences and markers are never collected: later versions name them.
import { crc32 } from "node:zlib";
import { CorruptObjectError } from "./corrupt.ts";
import { manifestKey, manifestPrefix, numberOfKey } from "./keys.ts";
import type { StoreReads } from "./retry.ts";

export interface Manifest {
  readonly version: number;
  /** The version that this one follows; null for the first. */
  readonly predecessor: number | null;
  readonly epoch: number;
  /** Hexadecimal. */
  readonly incarnation: string;
  /** The log is read from this place on; all before is in segments. */
  readonly logStart: number;
  /** Places of the fences, oldest first. */
  readonly fences: readonly number[];
}

/** One line of JSON, and a line with its CRC-32 in hexadecimal. */
export function encodeManifest(manifest: Manifest): Uint8Array {
  const json = JSON.stringify(manifest);
  return Buffer.from(`${json}\n${crc32(json).toString(16).padStart(8, "0")}\n`);
}

export function decodeManifest(key: string, version: number, bytes: Uint8Array): Manifest {
  const [json, checksum, end, ...rest] = Buffer.from(bytes).toString().split("\n");
  if (json === undefined || end !== "" || rest.length > 0 || crc32(json).toString(16).padStart(8, "0") !== checksum) {
    throw new CorruptObjectError(key, "its checksum is wrong");
  }
  // The checksum is right: these are the bytes that an owner wrote.
  const manifest = JSON.parse(json) as Manifest;
  if (manifest.version !== version) throw new CorruptObjectError(key, `it says that it is version ${manifest.version}`);
  return manifest;
}

/** The newest version's number, or undefined where there is none. */
export async function newestManifestVersion(store: StoreReads, shard: number): Promise<number | undefined> {
  let newest: number | undefined;
  let after: string | undefined;
  for (;;) {
    const keys = await store.list(manifestPrefix(shard), after);
    if (keys.length === 0) return newest;
    for (const key of keys) newest = numberOfKey(key) ?? newest;
    after = keys.at(-1);
  }
}

export async function loadManifest(store: StoreReads, shard: number, version: number): Promise<Manifest> {
  const key = manifestKey(shard, version);
  return decodeManifest(key, version, await store.get(key));
}

/** The version in force; undefined where there is none. */
export async function newestManifest(store: StoreReads, shard: number): Promise<Manifest | undefined> {
  const version = await newestManifestVersion(store, shard);
  return version === undefined ? undefined : loadManifest(store, shard, version);
}
