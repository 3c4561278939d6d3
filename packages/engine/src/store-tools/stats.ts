// `tailrace store stats`: what is in a store, what of it still counts, and how many requests it took to write. Reads all but the records in
// segments, and changes nothing; the store may be in use.
import type { ClockEntry } from "../catalog/entries.ts";
import type { StoreView } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import type { SegmentMeta } from "../segment/segment-format.ts";
import { CHUNK_HEADER_BYTES, ENTRY_HEADER_BYTES, EntryKind, entryBytes, entryKind } from "../shard/chunk-format.ts";
import { NO_MANIFEST } from "../shard/manifest.ts";
import type { Findings } from "./findings.ts";
import { allGarbage, garbageOf } from "./garbage.ts";
import { type StoredObject, takeInventory, totalBytes } from "./inventory.ts";
import { type LiveBytes, Liveness } from "./liveness.ts";
import { type SurveyVisitor, survey } from "./survey.ts";

export interface StatsOptions {
  readonly runtime: Runtime;
  readonly view: StoreView;
  readonly onProgress?: (progress: { readonly objects: number; readonly bytes: number }) => void;
}

export interface ObjectCount {
  readonly count: number;
  readonly bytes: number;
}

export interface StoreStats {
  readonly store: string;
  readonly deploymentId: string;
  /** Undefined before anybody took the shard over. */
  readonly manifestVersion: number | undefined;
  readonly epoch: number;
  readonly logStart: number;
  readonly logEnd: number;
  readonly streams: number;
  /** Everything that is there. */
  readonly total: ObjectCount;
  readonly objects: {
    readonly segments: ObjectCount;
    /** From the log's start on, void ones left out, and fences before it. */
    readonly log: ObjectCount;
    /** The manifest in force, and markers. */
    readonly manifests: ObjectCount;
    readonly deployment: ObjectCount;
    /** Nobody needs it any more, or it is not Tailrace's. */
    readonly garbage: ObjectCount;
  };
  /** Bytes of records as they are stored, in segments and log. */
  readonly records: LiveBytes;
  /** All bytes that are there for each byte of records that can be read; undefined where there are none. */
  readonly spaceAmplification: number | undefined;
  /** The first chunk that is not in a segment yet, and when it was put, by its owner's wall clock and within a second: undefined where the log
   * does not say. */
  readonly oldestChunk: { readonly place: number; readonly wallMs: number | undefined } | undefined;
  /** Puts that wrote the log, the segments and the manifests since the store was founded, those that are collected included. Without repeats. */
  readonly puts: number;
  /** Objects that a start reads. */
  readonly startReads: number;
  /** What does not fit: then the figures may be wrong. */
  readonly damage: Findings;
}

/** Errors: SurveyError, DeploymentError, ObjectStoreError: then nothing is said of the store. */
export async function storeStats(options: StatsOptions): Promise<StoreStats> {
  const { runtime, view, onProgress } = options;
  const shard = 0;
  let objects = 0;
  let bytes = 0;
  let visitor = new Visitor();
  // Listed first: what is not named by a manifest that is loaded afterwards is named by none.
  const inventory = await takeInventory(view, shard);
  const found = await survey({
    runtime,
    view,
    shard,
    begin: () => {
      visitor = new Visitor();
      return visitor;
    },
    onObject: (ofBytes) => {
      objects += 1;
      bytes += ofBytes;
      onProgress?.({ objects, bytes });
    },
  });
  const { manifest = NO_MANIFEST, log, book } = found;
  const garbage = allGarbage(garbageOf(inventory, manifest, log));
  const isGarbage = new Set(garbage.map(({ key }) => key));
  const counted = (all: readonly StoredObject[]): ObjectCount => {
    const needed = all.filter(({ key }) => !isGarbage.has(key));
    return { count: needed.length, bytes: totalBytes(needed) };
  };
  const deployment = inventory.deployment === undefined ? [] : [inventory.deployment];
  const all = [...inventory.log, ...inventory.manifests, ...inventory.segments, ...deployment, ...inventory.others];
  const records = visitor.liveness.decide(book.streams);
  const fences = new Set([...manifest.fences, ...log.fences]);
  const logPuts = log.end - placesSkipped(fences, found.deployment.window, log.end);
  const inLog = inventory.log.filter(({ number }) => number >= manifest.logStart).length;
  return {
    store: view.description,
    deploymentId: found.deployment.id,
    manifestVersion: manifest.version < 0 ? undefined : manifest.version,
    epoch: Math.max(manifest.epoch, log.epoch),
    logStart: manifest.logStart,
    logEnd: log.end,
    streams: book.streams.size,
    total: { count: all.length, bytes: totalBytes(all) },
    objects: {
      segments: counted(inventory.segments),
      log: counted(inventory.log),
      manifests: counted(inventory.manifests),
      deployment: counted(deployment),
      garbage: { count: garbage.length, bytes: totalBytes(garbage) },
    },
    records,
    spaceAmplification: records.live === 0 ? undefined : totalBytes(all) / records.live,
    oldestChunk:
      visitor.firstChunk === undefined
        ? undefined
        : { place: visitor.firstChunk, wallMs: visitor.firstMs ?? (manifest.clockMs || undefined) },
    puts: logPuts + manifest.nextSegment + manifest.version + 1,
    // The deployment, the manifest, and what it leads to.
    startReads: 2 + manifest.segments.length + inLog,
    damage: found.damage,
  };
}

/** Places before `end` that fences have passed over. */
function placesSkipped(fences: ReadonlySet<number>, window: number, end: number): number {
  const places = [...fences].toSorted((a, b) => a - b);
  let skipped = 0;
  for (const [i, place] of places.entries()) skipped += Math.min(window, (places[i + 1] ?? end) - place) - 1;
  return skipped;
}

class Visitor implements SurveyVisitor {
  readonly liveness = new Liveness();
  firstChunk: number | undefined;
  /** What the first chunk's clock entry says; undefined where it has none. */
  firstMs: number | undefined;

  segment(key: string, meta: SegmentMeta): void {
    this.liveness.segment(key, meta);
  }

  chunk(place: number, bytes: Uint8Array): void {
    this.liveness.chunk(place, bytes);
    if (this.firstChunk !== undefined) return;
    this.firstChunk = place;
    for (let at = CHUNK_HEADER_BYTES; at < bytes.length; at += entryBytes(bytes, at))
      if (entryKind(bytes, at) === EntryKind.clock) this.firstMs = wallMsAt(bytes, at);
  }
}

function wallMsAt(bytes: Uint8Array, at: number): number {
  const payload = Buffer.from(bytes.subarray(at + ENTRY_HEADER_BYTES, at + entryBytes(bytes, at)));
  // Its checksum is right: an owner wrote it.
  return (JSON.parse(payload.toString()) as ClockEntry).wallMs;
}
