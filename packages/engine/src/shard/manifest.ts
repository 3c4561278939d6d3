// The manifest: versions put if absent, of which the newest is in force (docs/format.md). A version is the marker of an epoch, or an
// owner's word that a part of the log has become a segment. Fences and markers are never collected: later versions name them.
import { crc32 } from "node:zlib";
import { CorruptObjectError } from "./corrupt.ts";
import { manifestKey, manifestPrefix, numberOfKey } from "./keys.ts";
import { listAll, type StoreReads } from "./retry.ts";

export interface Manifest {
  readonly version: number;
  /** The version that this one follows; null for the first. */
  readonly predecessor: number | null;
  readonly epoch: number;
  /** Hexadecimal. */
  readonly incarnation: string;
  /** The log is read from this place on; all before is in segments. */
  readonly logStart: number;
  /** The id of the log's home; absent where it lies beside everything else (log-home.ts). */
  readonly log?: string;
  /** The fence that is in force where the log starts: whose log it is from there on. Null where it starts with its first fence. */
  readonly inForce: { readonly epoch: number; readonly incarnation: string } | null;
  /** The newest mark of the owner's wall clock in the log before its start; 0 for none. */
  readonly clockMs: number;
  /** Places of the fences, oldest first. */
  readonly fences: readonly number[];
  /** The versions that are markers, this one included if it is one. */
  readonly markers: readonly number[];
  /** The live segments, in the order of what they tell of: what a later one says holds. */
  readonly segments: readonly Segment[];
  /** The number of the next segment. */
  readonly nextSegment: number;
  /** What is counted of basins, by id, as of the log's start; absent in what was written before that was kept. */
  readonly basins?: Readonly<Record<string, BasinTotals>>;
}

/** Streams; metered bytes that they store; when the first of them was created. */
export type BasinTotals = readonly [streams: number, storedBytes: number, sinceMs: number];

/** As versions were before logs were flushed, at least. */
type OldManifest = Partial<Manifest> &
  Pick<Manifest, "version" | "predecessor" | "epoch" | "incarnation" | "logStart" | "fences">;

export interface Segment {
  readonly number: number;
  /** Who wrote it. */
  readonly epoch: number;
  readonly incarnation: string;
  readonly bytes: number;
  /** Bytes at its end that are not records. */
  readonly metaBytes: number;
  /** Bytes at its end that a start reads, directory and footer; absent for one of version 1, which has no directory. */
  readonly tailBytes?: number;
  /** How often what is in it has been merged, at most; absent for never. */
  readonly level?: number;
  /** About how much of it a merge would keep; absent for all. */
  readonly liveBytes?: number;
}

/** The state before anything was written: what the first marker follows. */
export const NO_MANIFEST = {
  version: -1,
  epoch: 0,
  logStart: 0,
  inForce: null,
  clockMs: 0,
  fences: [],
  markers: [],
  segments: [],
  nextSegment: 0,
} as const satisfies Omit<Manifest, "predecessor" | "incarnation">;

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
  // The checksum is right: these are the bytes that an owner wrote. Before logs were flushed, every version was a marker and said no more.
  const markers = Array.from({ length: version + 1 }, (_, each) => each);
  const manifest: Manifest = { ...NO_MANIFEST, markers, ...(JSON.parse(json) as OldManifest) };
  if (manifest.version !== version) throw new CorruptObjectError(key, `it says that it is version ${manifest.version}`);
  return manifest;
}

/** The numbers of the versions that are there, in order. */
export async function manifestVersions(store: Pick<StoreReads, "list">, shard: number): Promise<number[]> {
  const versions: number[] = [];
  for (const key of await listAll(store, manifestPrefix(shard))) {
    const version = numberOfKey(key);
    if (version !== undefined) versions.push(version);
  }
  return versions;
}

/** The newest version's number, or undefined where there is none. */
export async function newestManifestVersion(store: StoreReads, shard: number): Promise<number | undefined> {
  return (await manifestVersions(store, shard)).at(-1);
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
