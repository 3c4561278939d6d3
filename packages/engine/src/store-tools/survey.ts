// A look at all of a shard but the records in its segments: manifests, segments' catalogs and indexes, and the log, as of one manifest version.
// The store may be in use: what does not fit counts as damage only if the manifest is still the newest afterwards; otherwise all is looked at
// again.
import { type Deployment, FOUNDED, readDeployment } from "../deployment.ts";
import { ObjectStoreError, type StoreView } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { decodeMeta, type SegmentMeta } from "../segment/segment-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { FetchAhead } from "../shard/fetch-ahead.ts";
import { manifestKey, numberOfKey, segmentKey, walKey, walPrefix } from "../shard/keys.ts";
import {
  decodeManifest,
  type Manifest,
  manifestVersions,
  NO_MANIFEST,
  newestManifestVersion,
  type Segment,
} from "../shard/manifest.ts";
import { listAll, retriedReads, type StoreReads } from "../shard/retry.ts";
import { Findings } from "./findings.ts";
import { StreamBook } from "./stream-book.ts";
import { reason, type WalkedLog, walkLog } from "./walk-log.ts";

/** Times that a store may change under the look at it. */
const MAX_ATTEMPTS = 20;

export interface SurveyOptions {
  readonly runtime: Runtime;
  readonly view: StoreView;
  readonly shard: number;
  /** An object was looked at. */
  readonly onObject?: (bytes: number) => void;
  /** A look begins, perhaps anew: what it finds whole is told to what this answers. */
  readonly begin?: () => SurveyVisitor;
}

/** Told of everything that a look finds whole, in the order of the history. */
export interface SurveyVisitor {
  segment(key: string, meta: SegmentMeta): void;
  /** A chunk of the log, verified. */
  chunk(place: number, bytes: Uint8Array): void;
}

export interface Survey {
  readonly deployment: Deployment;
  /** The newest that can be read; undefined before anybody took the shard over. */
  readonly manifest: Manifest | undefined;
  readonly book: StreamBook;
  readonly log: WalkedLog;
  readonly damage: Findings;
  /** How often it was begun anew, because the store had changed. */
  readonly restarts: number;
}

/** The store changes faster than it can be looked at, or holds nothing to look at. */
export class SurveyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SurveyError";
  }
}

/** Errors: SurveyError, DeploymentError, ObjectStoreError. */
export async function survey(options: SurveyOptions): Promise<Survey> {
  const reads = retriedReads(options.view, options.runtime);
  const { deployment, problem } = await deploymentOf(options.view, reads);
  for (let restarts = 0; restarts < MAX_ATTEMPTS; restarts += 1) {
    const damage = new Findings();
    if (problem !== undefined) damage.add(problem.key, reason(problem, problem.key));
    const attempt = await lookOnce(options, reads, deployment, damage);
    const { version, ...found } = attempt;
    if (damage.count === 0 || (await newestManifestVersion(reads, options.shard)) === version)
      return { deployment, damage, restarts, ...found };
  }
  throw new SurveyError(`${options.view.description} changes faster than it can be looked at`);
}

async function deploymentOf(
  view: StoreView,
  reads: StoreReads,
): Promise<{ deployment: Deployment; problem?: CorruptObjectError }> {
  try {
    return { deployment: await readDeployment(reads, view.description) };
  } catch (error) {
    // The rest can be looked at all the same.
    if (error instanceof CorruptObjectError) return { deployment: FOUNDED, problem: error };
    if (error instanceof ObjectStoreError && error.kind === "absent")
      throw new SurveyError(`${view.description} holds no deployment of Tailrace`);
    throw error;
  }
}

async function lookOnce(
  options: SurveyOptions,
  reads: StoreReads,
  deployment: Deployment,
  damage: Findings,
): Promise<Pick<Survey, "manifest" | "book" | "log"> & { version: number | undefined }> {
  const { shard, onObject } = options;
  const visitor = options.begin?.();
  const versions = await manifestVersions(reads, shard);
  const { manifest, logStart } = await newestReadable(reads, shard, versions, damage, onObject);
  const book = new StreamBook((key, what) => damage.add(key, what));
  await readSegments(reads, shard, manifest?.segments ?? [], (key, found) => {
    if ("meta" in found) {
      book.addSegment(key, found.meta);
      visitor?.segment(key, found.meta);
    } else {
      damage.add(key, found.problem);
      book.tear();
    }
  });
  const after = logStart === 0 ? "" : walKey(shard, logStart - 1);
  const places: number[] = [];
  for (const key of await listAll(reads, walPrefix(shard), undefined, after)) {
    const place = numberOfKey(key);
    if (place !== undefined) places.push(place);
  }
  const log = await walkLog({
    reads,
    shard,
    window: deployment.window,
    manifest: manifest ?? NO_MANIFEST,
    places,
    visit: ({ key, place, bytes, problem, header }) => {
      if (problem !== undefined) {
        damage.add(key, problem);
        book.tear();
      } else if (bytes !== undefined && header?.kind === "chunk") {
        book.addChunk(key, bytes);
        visitor?.chunk(place, bytes);
      }
      onObject?.(bytes?.length ?? 0);
    },
  });
  book.finish();
  return { version: versions.at(-1), manifest, book, log };
}

/** The newest manifest that can be read; those newer than it are damage. */
async function newestReadable(
  reads: StoreReads,
  shard: number,
  versions: readonly number[],
  damage: Findings,
  onObject: SurveyOptions["onObject"],
): Promise<{ manifest: Manifest | undefined; logStart: number }> {
  for (const version of versions.toReversed()) {
    const key = manifestKey(shard, version);
    try {
      const bytes = await reads.get(key);
      onObject?.(bytes.length);
      const manifest = decodeManifest(key, version, bytes);
      return { manifest, logStart: manifest.logStart };
    } catch (error) {
      if (error instanceof ObjectStoreError && error.kind === "absent") damage.add(key, "it is missing");
      else damage.add(key, reason(error, key));
    }
  }
  return { manifest: undefined, logStart: 0 };
}

/** Segments whose catalog and index are fetched ahead of the one that is looked at. */
const READ_AHEAD_SEGMENTS = 8;

/** All of a segment but its records, or what is wrong with it. */
export type FoundSegment = { readonly meta: SegmentMeta } | { readonly problem: string; readonly isMissing: boolean };

/** Calls `visit` with each segment, in order. Errors: ObjectStoreError. */
async function readSegments(
  reads: StoreReads,
  shard: number,
  segments: readonly Segment[],
  visit: (key: string, found: FoundSegment) => void,
): Promise<void> {
  const fetches = new FetchAhead(segments.length, READ_AHEAD_SEGMENTS, (index) =>
    readSegmentMeta(reads, shard, segments[index]),
  );
  for (const [index, { epoch, incarnation, number }] of segments.entries())
    visit(segmentKey(shard, epoch, incarnation, number), await fetches.get(index));
}

/** Errors: ObjectStoreError. */
export async function readSegmentMeta(reads: StoreReads, shard: number, segment: Segment): Promise<FoundSegment> {
  const { number, epoch, incarnation, bytes, metaBytes } = segment;
  const key = segmentKey(shard, epoch, incarnation, number);
  try {
    const meta = decodeMeta(key, await reads.getRange(key, bytes - metaBytes, metaBytes), bytes);
    const { footer } = meta;
    const isNamed =
      footer.number === number &&
      footer.epoch === epoch &&
      Buffer.from(footer.incarnation).toString("hex") === incarnation;
    if (isNamed) return { meta };
    return { problem: `it says that it is number ${footer.number} of epoch ${footer.epoch}`, isMissing: false };
  } catch (error) {
    if (error instanceof ObjectStoreError && error.kind === "absent")
      return { problem: "it is missing", isMissing: true };
    return { problem: reason(error, key), isMissing: false };
  }
}
