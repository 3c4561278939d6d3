// What cutting a damaged log off at a place would take, and what would be lost by it. Refuses what would mend nothing. Changes nothing.
import type { StoreView } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { numberOfKey, walKey, walPrefix } from "../shard/keys.ts";
import { type Manifest, newestManifestVersion } from "../shard/manifest.ts";
import { retriedReads } from "../shard/retry.ts";
import { Discarded, type DiscardedStream } from "./discarded.ts";
import type { Finding } from "./findings.ts";
import { takeInventory, totalBytes } from "./inventory.ts";
import { type Survey, survey } from "./survey.ts";

/** The log cannot be cut off there, or need not be. */
export class RepairError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RepairError";
  }
}

export interface RepairPlan {
  readonly store: string;
  readonly deploymentId: string;
  readonly fromPlace: number;
  /** Where the log is damaged first. */
  readonly damagedPlace: number;
  /** All that is damaged, in the log and elsewhere. */
  readonly damage: readonly Finding[];
  readonly damageCount: number;
  /** Objects of the log from the place on. */
  readonly lostObjects: number;
  readonly lostBytes: number;
  /** As far as they can be read. */
  readonly lostStreams: readonly DiscardedStream[];

  // For who carries it out.
  readonly window: number;
  readonly manifest: Manifest | undefined;
  /** Fences of the log before the place. */
  readonly fencesBefore: readonly number[];
  /** The highest that the log is known to have seen. */
  readonly epoch: number;
  /** Places from the place on where something stands, in order. */
  readonly places: readonly number[];
}

export interface PlanOptions {
  readonly runtime: Runtime;
  readonly view: StoreView;
  readonly fromPlace: number;
  readonly onObject?: (bytes: number) => void;
}

const SHARD = 0;

/** Errors: RepairError, SurveyError, DeploymentError, ObjectStoreError. */
export async function planRepair(options: PlanOptions): Promise<RepairPlan> {
  const { runtime, view, fromPlace, onObject } = options;
  let discarded = new Discarded(fromPlace);
  const found = await survey({
    runtime,
    view,
    shard: SHARD,
    ...(onObject === undefined ? {} : { onObject }),
    begin: () => {
      discarded = new Discarded(fromPlace);
      return discarded;
    },
  });
  const newest = await newestManifestVersion(retriedReads(view, runtime), SHARD);
  if (newest !== found.manifest?.version)
    throw new RepairError(
      `the newest manifest, version ${newest ?? "none"}, cannot be read: that is not the log's to mend`,
    );
  const damagedPlace = firstDamage(found);
  assertMends(found, fromPlace, damagedPlace);
  const inventory = await takeInventory(view, SHARD);
  const lost = inventory.log.filter(({ number }) => number >= fromPlace);
  return {
    store: view.description,
    deploymentId: found.deployment.id,
    fromPlace,
    damagedPlace,
    damage: found.damage.told,
    damageCount: found.damage.count,
    lostObjects: lost.length,
    lostBytes: totalBytes(lost),
    lostStreams: discarded.streams(found.book),
    window: found.deployment.window,
    manifest: found.manifest,
    fencesBefore: found.log.fences.filter((place) => place < fromPlace),
    epoch: Math.max(found.manifest?.epoch ?? 0, found.log.epoch),
    places: lost.map(({ number }) => number),
  };
}

/** The first place of the log, as it is read, with which something is wrong. Errors: RepairError when there is none. */
function firstDamage({ damage, manifest, log }: Survey): number {
  const logStart = manifest?.logStart ?? 0;
  const places = damage.told
    .filter(({ key }) => key.startsWith(walPrefix(SHARD)))
    .map(({ key }) => numberOfKey(key) ?? Number.NaN)
    .filter((place) => place >= logStart && place <= log.end);
  if (places.length > 0) return Math.min(...places);
  if (damage.count === 0) throw new RepairError("the store is not damaged: there is nothing to repair");
  const [{ key, what }] = damage.told;
  throw new RepairError(`the log is whole, and cutting it off mends nothing: ${key}: ${what}`);
}

function assertMends({ manifest, log }: Survey, fromPlace: number, damagedPlace: number): void {
  const logStart = manifest?.logStart ?? 0;
  if (fromPlace < logStart)
    throw new RepairError(
      `what stood before place ${logStart} has become segments, and is no part of the log any more`,
    );
  if (fromPlace > damagedPlace)
    throw new RepairError(
      `the log is damaged at place ${damagedPlace} (${walKey(SHARD, damagedPlace)}): from there on at the latest it must be discarded`,
    );
  if (!log.visited.has(fromPlace))
    throw new RepairError(`the log does not lead over place ${fromPlace}: a fence before has thrown it away`);
}
