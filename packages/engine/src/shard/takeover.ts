// Taking over a shard: read the log, fence it, mark the epoch (docs/protocol.md; the numbers are the design's steps).
// Nothing may be answered or acknowledged before the caller has also waited as `waitMs` says, from `fencedAt` on.
import { type Deployment, DeploymentError } from "../deployment.ts";
import { RETRY_FIRST_MS, RETRY_MAX_MS } from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import { type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { encodeLogObjectHeader } from "./chunk-format.ts";
import { CorruptObjectError } from "./corrupt.ts";
import { manifestKey, walKey } from "./keys.ts";
import { encodeManifest, type Manifest, NO_MANIFEST, newestManifest, newestManifestVersion } from "./manifest.ts";
import { putOwn } from "./put-own.ts";
import { type ApplyChunk, type LogCursor, LogMovedError, readLog } from "./read-log.ts";
import { retriedReads, type StoreReads } from "./retry.ts";
import { pause } from "./waiting.ts";

/** Times that a takeover starts over before it says that something is wrong. */
const MAX_ATTEMPTS = 32;

export interface TakeoverOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly logger: EngineLogger;
  readonly shard: number;
  readonly deployment: Deployment;
  readonly incarnation: Uint8Array;
  /** Throw away what was applied, and begin anew with the segments of this manifest, by these reads; without one there are none. */
  readonly begin: (manifest: Manifest | undefined, reads: StoreReads) => Promise<void>;
  readonly apply: ApplyChunk;
  /** Called where the log ends, before each attempt to put a fence there. What it throws ends the takeover, which has changed nothing then. */
  readonly mayFence?: (end: Pick<LogCursor, "place" | "afterRelease">) => void;
}

export interface Takeover {
  /** The marker of its epoch. */
  readonly manifest: Manifest;
  /** The first place that the new owner may fill. */
  readonly nextPlace: number;
  /** How long after `fencedAtMs` nothing may be answered: a lease and its margin, or 0 where nobody can hold a lease. */
  readonly waitMs: number;
  /** Monotonic. */
  readonly fencedAtMs: number;
}

/** Errors: CorruptObjectError, DeploymentError where the log was moved, ObjectStoreError of kinds `denied` and `unavailable`. */
export async function takeOver(options: TakeoverOptions): Promise<Takeover> {
  let gone: Error | undefined;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    try {
      const takeover = await tryTakeOver(options);
      if (takeover !== undefined) return takeover;
      gone = undefined;
    } catch (error) {
      // What was there a moment ago may have been collected.
      const absent = error instanceof ObjectStoreError && error.kind === "absent";
      if (!(error instanceof LogMovedError) && !absent) throw error;
      options.runtime.branches.reached("log-moved");
      gone = error;
    }
    options.runtime.branches.reached("takeover-restarted");
    options.logger.info(
      { shard: options.shard, attempt },
      "the shard moved while it was being taken over: starting over",
    );
    await pause(options.runtime, Math.min(RETRY_FIRST_MS * attempt, RETRY_MAX_MS));
  }
  if (gone instanceof LogMovedError) throw new CorruptObjectError(gone.key, "it is missing");
  if (gone !== undefined) throw new CorruptObjectError(walKey(options.shard, 0), gone.message);
  throw new ObjectStoreError("unavailable", `shard ${options.shard} could not be taken over: others keep taking it`);
}

/** One attempt; undefined means start over. */
async function tryTakeOver(options: TakeoverOptions): Promise<Takeover | undefined> {
  const { runtime, store, shard, deployment, incarnation } = options;
  const reads = retriedReads(store, runtime);

  // 1. The newest manifest with its segments, and the log from where they end.
  const manifest = await newestManifest(reads, shard);
  const { logStart, inForce, version } = manifest ?? NO_MANIFEST;
  // Who slept while the log was moved must not go on in the one that was left.
  if (manifest !== undefined && manifest.log !== deployment.log?.id)
    throw new DeploymentError(`the log of ${store.description} was moved while it was being opened: start again`);
  await options.begin(manifest, reads);
  const cursor: LogCursor = {
    place: logStart,
    epoch: inForce?.epoch ?? 0,
    incarnation: Buffer.from(inForce?.incarnation ?? "", "hex"),
    afterRelease: false,
    fences: [],
  };

  // 2. A fence in the first empty place. A lost race means that someone's object is there: it is read, and reading goes on.
  let fencePlace: number;
  let afterRelease: boolean;
  let epoch: number;
  do {
    if (!(await readToEnd(options, reads, cursor, logStart))) return undefined;
    options.mayFence?.(cursor);
    fencePlace = cursor.place;
    afterRelease = cursor.afterRelease;
    epoch = Math.max(cursor.epoch, manifest?.epoch ?? 0) + 1;
  } while (await lostFenceRace(options, fencePlace, epoch));
  const fencedAtMs = runtime.clock.monotonicMs();
  cursor.fences.push(fencePlace);

  // 3. If the newest manifest has flushed past the fence, the fence went into a place already collected. If it marks a later
  // epoch, somebody has fenced behind this fence, and an older marker must not come to stand on top of theirs.
  const newest = (await newestManifest(reads, shard)) ?? NO_MANIFEST;
  if (newest.logStart > fencePlace || newest.epoch >= epoch) {
    runtime.branches.reached("marker-epoch-passed");
    return undefined;
  }
  // What was read may be gone where the log was flushed meanwhile.
  if (newest.version !== version) {
    runtime.branches.reached("flushed-during-takeover");
    return undefined;
  }
  const marker: Manifest = {
    ...newest,
    ...(deployment.log === undefined ? {} : { log: deployment.log.id }),
    version: version + 1,
    predecessor: version < 0 ? null : version,
    epoch,
    incarnation: Buffer.from(incarnation).toString("hex"),
    fences: [...new Set([...newest.fences, ...cursor.fences])].toSorted((a, b) => a - b),
    markers: [...newest.markers, version + 1],
  };
  if (!(await putMarker(options, marker))) {
    runtime.branches.reached("marker-race-lost");
    return undefined;
  }
  if ((await newestManifestVersion(reads, shard)) !== marker.version) {
    runtime.branches.reached("marker-not-newest");
    return undefined;
  }

  // 4. Only a taker that directly follows a release, or holds the kernel's lock, may answer at once.
  if (store.exclusive) runtime.branches.reached("wait-skipped-by-lock");
  else if (afterRelease) runtime.branches.reached("wait-skipped-after-release");
  const waitMs = afterRelease || store.exclusive ? 0 : deployment.leaseMs + deployment.leaseMarginMs;
  return { manifest: marker, nextPlace: fencePlace + deployment.window, waitMs, fencedAtMs };
}

/**
 * Reads on to the end of the log. False when its start has moved meanwhile: what was collected can leave a place empty, and a
 * sleeping taker's fence may have come to stand there, which leads to where the log never went on. Its taker finds out by itself;
 * who reads it finds out here, before fencing a place that may lie ahead of the log's end.
 */
async function readToEnd(
  options: TakeoverOptions,
  reads: StoreReads,
  cursor: LogCursor,
  logStart: number,
): Promise<boolean> {
  const moved = async () => ((await newestManifest(reads, options.shard))?.logStart ?? 0) !== logStart;
  try {
    await readLog({ ...options, store: reads }, cursor, options.apply);
  } catch (error) {
    if (!(error instanceof CorruptObjectError) || !(await moved())) throw error;
    return false;
  }
  if (!(await moved())) return true;
  options.runtime.branches.reached("log-start-moved");
  return false;
}

/** True when another object stands where the fence should be. */
async function lostFenceRace(options: TakeoverOptions, place: number, epoch: number): Promise<boolean> {
  const fence = encodeLogObjectHeader({
    kind: "fence",
    place,
    epoch,
    incarnation: options.incarnation,
    nextPlace: place + options.deployment.window,
    entryCount: 0,
    contentBytes: 0,
    contentCrc: 0,
  });
  const lost = !(await putOwn(options, walKey(options.shard, place), fence));
  if (lost) options.runtime.branches.reached("fence-race-lost");
  return lost;
}

async function putMarker(options: TakeoverOptions, marker: Manifest): Promise<boolean> {
  return putOwn(options, manifestKey(options.shard, marker.version), encodeManifest(marker));
}
