// `tailrace store check`: walks a deployment and says what is damaged, and apart from that what merely lies about. Reads, and changes nothing;
// the store may be in use.
import { ObjectStoreError, type StoreView } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { verifyLogObject } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { manifestKey, segmentKey, walKey } from "../shard/keys.ts";
import { decodeManifest, type Manifest, NO_MANIFEST, newestManifest, type Segment } from "../shard/manifest.ts";
import { getIfThere, retriedReads, type StoreReads } from "../shard/retry.ts";
import type { Findings } from "./findings.ts";
import { type Garbage, garbageOf } from "./garbage.ts";
import { takeInventory, totalBytes } from "./inventory.ts";
import { readSegmentMeta, type Survey, survey } from "./survey.ts";
import { verifyDirectory } from "./verify-directory.ts";
import { verifyRecords } from "./verify-records.ts";
import { reason } from "./walk-log.ts";

/** Times that the newest manifest may be followed while it is got. */
const MAX_LISTINGS = 20;

export interface CheckOptions {
  readonly runtime: Runtime;
  readonly view: StoreView;
  readonly onProgress?: (progress: CheckProgress) => void;
}

export interface CheckProgress {
  /** Objects and bytes looked at so far, and the bytes of all that was there at the beginning. */
  readonly objects: number;
  readonly bytes: number;
  readonly totalBytes: number;
}

export interface CheckReport {
  readonly store: string;
  readonly deploymentId: string;
  /** The manifest version that was checked; undefined before anybody took the shard over. */
  readonly manifestVersion: number | undefined;
  readonly epoch: number;
  readonly logStart: number;
  readonly logEnd: number;
  readonly segments: number;
  readonly streams: number;
  /** Looked at: those of streams that are there, trimmed or not, and what lies in the same objects. */
  readonly records: number;
  readonly objects: number;
  readonly bytes: number;
  readonly damage: Findings;
  /** What nobody needs any more, or nobody ever will. It is no damage. */
  readonly garbage: Garbage;
  /** How often something had gone away while it was looked at, and the newer manifest was gone by. */
  readonly restarts: number;
}

/** Errors: SurveyError, DeploymentError, ObjectStoreError: then nothing is said of the store. */
export async function checkStore(options: CheckOptions): Promise<CheckReport> {
  return new Check(options).run();
}

class Check {
  readonly #options: CheckOptions;
  readonly #reads: StoreReads;
  /** A deployment has one, so far. */
  readonly #shard = 0;
  #objects = 0;
  #bytes = 0;
  #totalBytes = 0;
  #records = 0;
  #restarts = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#reads = retriedReads(options.view, options.runtime);
  }

  async run(): Promise<CheckReport> {
    const { view, runtime } = this.#options;
    const before = await takeInventory(view, this.#shard);
    this.#totalBytes = totalBytes(before.log) + totalBytes(before.manifests) + totalBytes(before.segments);
    const found = await survey({
      runtime,
      view,
      shard: this.#shard,
      onObject: (bytes) => this.#looked(1, bytes),
    });
    const { manifest = { ...NO_MANIFEST, predecessor: null, incarnation: "" }, damage } = found;
    this.#restarts = found.restarts;
    for (const { logRecords } of found.book.streams.values()) this.#records += logRecords;
    await this.#checkMarkers(manifest, damage);
    await this.#checkFences(manifest, found, damage);
    await this.#checkSegments(manifest, damage);
    // Listed first: what is not named by a manifest that is loaded afterwards is named by none.
    const inventory = await takeInventory(view, this.#shard);
    const newest = await this.#newest(manifest);
    return {
      store: view.description,
      deploymentId: found.deployment.id,
      manifestVersion: manifest.version < 0 ? undefined : manifest.version,
      epoch: Math.max(manifest.epoch, found.log.epoch),
      logStart: manifest.logStart,
      logEnd: found.log.end,
      segments: manifest.segments.length,
      streams: found.book.streams.size,
      records: this.#records,
      objects: this.#objects,
      bytes: this.#bytes,
      damage,
      garbage: garbageOf(inventory, newest, found.log),
      restarts: this.#restarts,
    };
  }

  #looked(objects: number, bytes: number): void {
    this.#objects += objects;
    this.#bytes += bytes;
    this.#options.onProgress?.({ objects: this.#objects, bytes: this.#bytes, totalBytes: this.#totalBytes });
  }

  /** Markers are never collected, and each names those before it. */
  async #checkMarkers(newest: Manifest, damage: Findings): Promise<void> {
    let before: Manifest | undefined;
    for (const version of newest.markers) {
      const key = manifestKey(this.#shard, version);
      const bytes = await getIfThere(this.#reads, key);
      if (bytes === undefined) {
        damage.add(key, "it is missing, and marks an epoch");
        continue;
      }
      this.#looked(1, bytes.length);
      try {
        const marker = decodeManifest(key, version, bytes);
        if (!marker.markers.includes(version)) damage.add(key, "it is named a marker, and is none");
        if (before !== undefined && marker.epoch <= before.epoch)
          damage.add(key, `it marks epoch ${marker.epoch} after ${before.epoch}`);
        if (before !== undefined && marker.logStart < before.logStart)
          damage.add(key, `its log starts at ${marker.logStart}, before ${before.logStart}`);
        before = marker;
      } catch (error) {
        damage.add(key, reason(error, key));
      }
    }
    const key = manifestKey(this.#shard, newest.version);
    const numbers = newest.segments.map(({ number }) => number);
    if (numbers.some((number) => number >= newest.nextSegment) || new Set(numbers).size < numbers.length)
      damage.add(key, "its segments' numbers are not those that were given out");
  }

  /** Fences are never collected, and the manifest names them all, but for those of takers that did not get as far as their marker. */
  async #checkFences(manifest: Manifest, { log }: Survey, damage: Findings): Promise<void> {
    const read = new Set(log.fences);
    for (const place of manifest.fences) {
      if (read.has(place)) continue;
      const key = walKey(this.#shard, place);
      const bytes = await getIfThere(this.#reads, key);
      if (bytes === undefined) {
        damage.add(key, "it is missing, and is a fence");
        continue;
      }
      this.#looked(1, bytes.length);
      try {
        if (verifyLogObject(key, place, bytes).kind !== "fence") damage.add(key, "it should be a fence, and is none");
      } catch (error) {
        damage.add(key, reason(error, key));
      }
    }
    const last = manifest.fences.at(-1) ?? -1;
    const named = new Set(manifest.fences);
    for (const place of log.fences)
      if (place < last && !named.has(place))
        damage.add(walKey(this.#shard, place), "it is a fence that no manifest names");
  }

  /** All records of all segments: those of the manifest, and of newer ones where they have taken their place. */
  async #checkSegments(manifest: Manifest, damage: Findings): Promise<void> {
    const queue = [...manifest.segments];
    const seen = new Set(queue.map((segment) => this.#keyOf(segment)));
    for (let segment = queue.shift(); segment !== undefined; segment = queue.shift()) {
      if (await this.#checkSegment(segment, damage)) continue;
      // It is gone. Either it was collected, and a newer manifest does without it, or it is missing.
      const newest = await this.#newest(manifest);
      const key = this.#keyOf(segment);
      if (newest.segments.some((each) => this.#keyOf(each) === key)) {
        damage.add(key, "it is missing");
        continue;
      }
      this.#restarts += 1;
      for (const each of newest.segments) {
        if (seen.has(this.#keyOf(each))) continue;
        seen.add(this.#keyOf(each));
        queue.push(each);
      }
    }
  }

  /** False when it is not there. */
  async #checkSegment(segment: Segment, damage: Findings): Promise<boolean> {
    const key = this.#keyOf(segment);
    const found = await readSegmentMeta(this.#reads, this.#shard, segment);
    if (!("meta" in found)) {
      if (found.isMissing) return false;
      damage.add(key, found.problem);
      return true;
    }
    this.#looked(1, segment.metaBytes);
    try {
      const onProblem = (what: string) => damage.add(key, what);
      const onBytes = (bytes: number) => this.#looked(0, bytes);
      verifyDirectory(found.meta, onProblem);
      this.#records += await verifyRecords(this.#reads, key, found.meta, onProblem, onBytes);
      return true;
    } catch (error) {
      if (error instanceof ObjectStoreError && error.kind === "absent") return false;
      throw error;
    }
  }

  /** The newest manifest; `surveyed` where it cannot be read, which the survey has said. Errors: ObjectStoreError. */
  async #newest(surveyed: Manifest): Promise<Manifest> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return (await newestManifest(this.#reads, this.#shard)) ?? surveyed;
      } catch (error) {
        if (error instanceof CorruptObjectError) return surveyed;
        // It was followed, and collected, between the listing and the get.
        const isAbsent = error instanceof ObjectStoreError && error.kind === "absent";
        if (!isAbsent || attempt === MAX_LISTINGS) throw error;
      }
    }
  }

  #keyOf({ epoch, incarnation, number }: Segment): string {
    return segmentKey(this.#shard, epoch, incarnation, number);
  }
}
