// `tailrace store copy`: copies a deployment into an empty store, where it becomes one of its own. The source may be in use; the copy is the state
// at a moment after it began, and holds all that was acknowledged before. Reads the source, and changes nothing there.
import { type Deployment, readDeployment } from "../deployment.ts";
import { ObjectStoreError, type StoreView } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { decodeMeta } from "../segment/segment-format.ts";
import { type LogObjectHeader, verifyLogObject } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { manifestKey, numberOfKey, segmentKey, walKey, walPrefix } from "../shard/keys.ts";
import {
  decodeManifest,
  encodeManifest,
  type Manifest,
  NO_MANIFEST,
  newestManifest,
  type Segment,
} from "../shard/manifest.ts";
import { advance, type LogCursor } from "../shard/read-log.ts";
import { listAll, retriedReads, type StoreReads } from "../shard/retry.ts";
import type { CopyTarget } from "./copy-target.ts";
import { eachOf, Pool } from "./pool.ts";
import { SurveyError } from "./survey.ts";
import { verifyRecords } from "./verify-records.ts";
import { walkLog } from "./walk-log.ts";

/** Times that the source may have moved on beyond what was read of it. */
const MAX_ATTEMPTS = 100;
/** Small objects on their way at once. */
const CONCURRENT_OBJECTS = 16;
/** Segments on their way at once, each in memory as a whole. */
const CONCURRENT_SEGMENTS = 2;

export interface CopyProgress {
  /** Put, or found there. */
  readonly objects: number;
  readonly bytes: number;
}

export interface CopyOptions {
  readonly runtime: Runtime;
  readonly source: StoreView;
  readonly target: CopyTarget;
  readonly deployment: Deployment;
  readonly onProgress?: (progress: CopyProgress) => void;
}

export interface CopyReport {
  /** The copy's own. */
  readonly deploymentId: string;
  /** Undefined when nobody ever took the source over. */
  readonly manifestVersion: number | undefined;
  readonly segments: number;
  readonly logStart: number;
  readonly logEnd: number;
  readonly objects: number;
  readonly bytes: number;
  /** Of these, what an attempt before had brought. */
  readonly found: CopyProgress;
}

/** The deployment in a store. Errors: SurveyError where there is none; DeploymentError, CorruptObjectError, ObjectStoreError. */
export async function deploymentIn(runtime: Runtime, view: StoreView): Promise<Deployment> {
  try {
    return await readDeployment(retriedReads(view, runtime), view.description);
  } catch (error) {
    if (error instanceof ObjectStoreError && error.kind === "absent")
      throw new SurveyError(`${view.description} holds no deployment of Tailrace`);
    throw error;
  }
}

/** Errors: CorruptObjectError when the source is damaged; SurveyError, CopyTargetError, ObjectStoreError. */
export function copyStore(options: CopyOptions): Promise<CopyReport> {
  return new Copy(options).run();
}

/** A part of the log that is in the target. */
interface CopiedLog {
  /** The first place that was empty. */
  readonly end: number;
  /** Of its objects, by place. */
  readonly headers: ReadonlyMap<number, LogObjectHeader>;
}

class Copy {
  readonly #options: CopyOptions;
  readonly #reads: StoreReads;
  readonly #shard = 0;
  readonly #segments = new Set<string>();
  #objects = 0;
  #bytes = 0;
  #foundObjects = 0;
  #foundBytes = 0;

  constructor(options: CopyOptions) {
    this.#options = options;
    this.#reads = retriedReads(options.source, options.runtime);
  }

  async run(): Promise<CopyReport> {
    // The bulk of it, while the log goes on.
    await this.#copySegments(await this.#newest());
    let log: CopiedLog | undefined;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      // Listed after the log was read: what stands from this log's start on has never been collected, so what was read there is the log.
      const manifest = await this.#newest();
      const places = log === undefined ? undefined : placesFrom(manifest, log);
      if (log === undefined || places === undefined) log = await this.#copyLog(manifest);
      else if (await this.#copySegments(manifest)) return this.#finish(manifest, places, log.end);
    }
    throw new SurveyError(`${this.#options.source.description} changes faster than it can be copied`);
  }

  async #newest(): Promise<Manifest | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await newestManifest(this.#reads, this.#shard);
      } catch (error) {
        // It was followed, and collected, between the listing and the get.
        if (!isAbsent(error) || attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  /** False when one of them is gone: a newer manifest does without it. Errors: CorruptObjectError when none does. */
  async #copySegments(manifest: Manifest | undefined): Promise<boolean> {
    let missing: string | undefined;
    await eachOf(manifest?.segments ?? [], CONCURRENT_SEGMENTS, async (segment) => {
      const key = this.#keyOf(segment);
      if (missing !== undefined || this.#segments.has(key)) return;
      if (this.#options.target.has(key, segment.bytes)) this.#foundThere(segment.bytes);
      else {
        const bytes = await this.#reads.get(key).catch((error: unknown) => {
          if (!isAbsent(error)) throw error;
          missing = key;
          return undefined;
        });
        if (bytes === undefined) return;
        await verifySegment(key, segment, bytes);
        await this.#put(key, bytes);
      }
      this.#segments.add(key);
    });
    if (missing === undefined) return true;
    const newest = await this.#newest();
    if (newest?.segments.some((segment) => this.#keyOf(segment) === missing))
      throw new CorruptObjectError(missing, "it is missing");
    return false;
  }

  /** Copies the log from the manifest's start to its end, verified. Undefined when it was collected meanwhile. */
  async #copyLog(manifest: Manifest | undefined): Promise<CopiedLog | undefined> {
    const shard = this.#shard;
    const { logStart } = manifest ?? NO_MANIFEST;
    const after = logStart === 0 ? "" : walKey(shard, logStart - 1);
    const listed: number[] = [];
    for (const key of await listAll(this.#reads, walPrefix(shard), undefined, after)) {
      const place = numberOfKey(key);
      if (place !== undefined) listed.push(place);
    }
    const headers = new Map<number, LogObjectHeader>();
    let damage: CorruptObjectError | undefined;
    const puts = new Pool(CONCURRENT_OBJECTS);
    const log = await walkLog({
      reads: this.#reads,
      shard,
      window: this.#options.deployment.window,
      manifest: manifest ?? NO_MANIFEST,
      places: listed,
      visit: async ({ key, place, bytes, header, problem }) => {
        if (damage !== undefined) return;
        if (problem !== undefined || bytes === undefined || header === undefined) {
          damage = new CorruptObjectError(key, problem ?? "it is missing");
          return;
        }
        headers.set(place, header);
        await puts.run(() => this.#put(key, bytes));
      },
    });
    await puts.idle();
    if (damage === undefined) return { end: log.end, headers };
    if (((await this.#newest())?.logStart ?? 0) === logStart) throw damage;
    return undefined;
  }

  async #finish(manifest: Manifest | undefined, places: readonly number[], end: number): Promise<CopyReport> {
    const { target, deployment } = this.#options;
    const keys = new Set((manifest?.segments ?? []).map((segment) => this.#keyOf(segment)));
    const { logStart, fences, markers, version } = manifest ?? NO_MANIFEST;
    for (const place of places) keys.add(walKey(this.#shard, place));
    await eachOf(fences, CONCURRENT_OBJECTS, async (place) => {
      const key = walKey(this.#shard, place);
      if (!keys.has(key)) await this.#put(key, await this.#needed(key, (bytes) => verifyLogObject(key, place, bytes)));
      keys.add(key);
    });
    await eachOf(markers, CONCURRENT_OBJECTS, async (marker) => {
      const key = manifestKey(this.#shard, marker);
      await this.#put(key, await this.#needed(key, (bytes) => decodeManifest(key, marker, bytes)));
      keys.add(key);
    });
    // A version that is no marker may have been collected since: what it says is known.
    if (manifest !== undefined && !manifest.markers.includes(version)) {
      const key = manifestKey(this.#shard, version);
      await this.#put(key, encodeManifest(manifest));
      keys.add(key);
    }
    const own = await target.finish(deployment, keys);
    return {
      deploymentId: own.id,
      manifestVersion: manifest?.version,
      segments: manifest?.segments.length ?? 0,
      logStart,
      logEnd: end,
      objects: keys.size + 1,
      bytes: this.#bytes,
      found: { objects: this.#foundObjects, bytes: this.#foundBytes },
    };
  }

  /** What is never collected. Errors: CorruptObjectError. */
  async #needed(key: string, verify: (bytes: Uint8Array) => unknown): Promise<Uint8Array> {
    const bytes = await this.#reads.get(key).catch((error: unknown) => {
      throw isAbsent(error) ? new CorruptObjectError(key, "it is missing") : error;
    });
    verify(bytes);
    return bytes;
  }

  async #put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#options.target.put(key, bytes);
    this.#told(bytes.length);
  }

  #foundThere(bytes: number): void {
    this.#foundObjects += 1;
    this.#foundBytes += bytes;
    this.#told(bytes);
  }

  #told(bytes: number): void {
    this.#objects += 1;
    this.#bytes += bytes;
    this.#options.onProgress?.({ objects: this.#objects, bytes: this.#bytes });
  }

  #keyOf({ epoch, incarnation, number }: Segment): string {
    return segmentKey(this.#shard, epoch, incarnation, number);
  }
}

/** The places of the log that a manifest leads to, as far as the end of what was copied; undefined when some of it was not. */
function placesFrom(manifest: Manifest | undefined, { end, headers }: CopiedLog): number[] | undefined {
  const { logStart, inForce } = manifest ?? NO_MANIFEST;
  const cursor: LogCursor = {
    place: logStart,
    epoch: inForce?.epoch ?? 0,
    incarnation: Buffer.from(inForce?.incarnation ?? "", "hex"),
    afterRelease: false,
    fences: [],
  };
  const places: number[] = [];
  while (cursor.place < end) {
    const { place } = cursor;
    const header = headers.get(place);
    if (header === undefined) return undefined;
    places.push(place);
    try {
      advance(walKey(0, place), header, cursor);
    } catch (error) {
      // A stray fence, into a place that was collected, led elsewhere.
      if (error instanceof CorruptObjectError) return undefined;
      throw error;
    }
  }
  return cursor.place === end ? places : undefined;
}

/** Errors: CorruptObjectError. */
async function verifySegment(key: string, { bytes, metaBytes }: Segment, whole: Uint8Array): Promise<void> {
  if (whole.length !== bytes) throw new CorruptObjectError(key, `it is ${whole.length} bytes long, not ${bytes}`);
  const meta = decodeMeta(key, whole.subarray(bytes - metaBytes), bytes);
  const here = {
    getRange: (_key: string, offset: number, length: number) =>
      Promise.resolve(whole.subarray(offset, offset + length)),
  };
  await verifyRecords(here, key, meta, (what) => {
    throw new CorruptObjectError(key, what);
  });
}

function isAbsent(error: unknown): boolean {
  return error instanceof ObjectStoreError && error.kind === "absent";
}
