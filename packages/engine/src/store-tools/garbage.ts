// What of a store nobody needs: told apart by what the newest manifest says. Decides nothing about deleting: who may delete what, and when, is
// the protocol's (docs/protocol.md).
import { epochOfSegmentKey, segmentKey } from "../shard/keys.ts";
import type { Manifest } from "../shard/manifest.ts";
import type { Inventory, StoredObject } from "./inventory.ts";
import type { WalkedLog } from "./walk-log.ts";

export interface Garbage {
  /** Chunks before the log's start, which an owner will collect. */
  readonly flushedChunks: readonly StoredObject[];
  /** Chunks that a fence or the end of the log has thrown away. */
  readonly voidChunks: readonly StoredObject[];
  /** Manifest versions that were followed, and mark no epoch. */
  readonly oldManifests: readonly StoredObject[];
  /** Segments that no manifest names: their writers had died or been deposed before, or they were replaced. */
  readonly orphanedSegments: readonly StoredObject[];
  /** Segments of the newest epoch that the manifest does not name: on their way, unless their writer is dead. */
  readonly unnamedSegments: readonly StoredObject[];
  /** Probes of a start that was cut short, and whatever others have put there. */
  readonly strangers: readonly StoredObject[];
}

/** All of it, of whatever kind. */
export function allGarbage(garbage: Garbage): StoredObject[] {
  return Object.values(garbage).flat();
}

/** `inventory` was taken before `manifest` was seen newest. */
export function garbageOf(
  inventory: Inventory,
  manifest: Omit<Manifest, "predecessor" | "incarnation">,
  { voidPlaces, beyondEnd }: Pick<WalkedLog, "voidPlaces" | "beyondEnd">,
): Garbage {
  const fences = new Set(manifest.fences);
  const voids = new Set([...voidPlaces, ...beyondEnd]);
  const markers = new Set(manifest.markers);
  const named = new Set(
    manifest.segments.map(({ epoch, incarnation, number }) => segmentKey(inventory.shard, epoch, incarnation, number)),
  );
  const unnamed = inventory.segments.filter(({ key }) => !named.has(key));
  const isOlder = ({ key }: StoredObject) => (epochOfSegmentKey(key) ?? manifest.epoch) < manifest.epoch;
  return {
    flushedChunks: inventory.log.filter(({ number }) => number < manifest.logStart && !fences.has(number)),
    voidChunks: inventory.log.filter(
      ({ number }) => number >= manifest.logStart && voids.has(number) && !fences.has(number),
    ),
    oldManifests: inventory.manifests.filter(({ number }) => number < manifest.version && !markers.has(number)),
    orphanedSegments: unnamed.filter(isOlder),
    unnamedSegments: unnamed.filter((object) => !isOlder(object)),
    strangers: inventory.others,
  };
}
