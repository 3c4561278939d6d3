// `tailrace store gc`: deletes what an owner would have collected in time, and what only an owner of a later epoch may. Who may delete, and when:
// docs/protocol.md. Candidates are listed first, then the shard is taken over, and what its marker names, seen newest, stays.
import { readDeployment } from "../deployment.ts";
import {
  MAX_DELETE_KEYS,
  type ObjectStore,
  ObjectStoreError,
  type StoreView,
  type UndeletedObject,
} from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { type Manifest, NO_MANIFEST, newestManifest } from "../shard/manifest.ts";
import { retriedReads } from "../shard/retry.ts";
import { type Garbage, garbageOf } from "./garbage.ts";
import { type Inventory, type StoredObject, takeInventory } from "./inventory.ts";
import { asOwner } from "./tenure.ts";

/** What may go. Objects in flight or thrown away stay until the log's start has passed them, and what is not Tailrace's stays for good. */
export type Collectable = Pick<Garbage, "flushedChunks" | "oldManifests" | "orphanedSegments">;

export interface GarbageProgress {
  readonly deleted: number;
  readonly total: number;
}

export interface CollectOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  /** Of the same store. */
  readonly view: StoreView;
  readonly deposesOwner: boolean;
  readonly onProgress?: (progress: GarbageProgress) => void;
}

export interface CollectReport {
  readonly store: string;
  readonly found: Collectable;
  /** Of these, objects that may still be there. */
  readonly undeleted: readonly UndeletedObject[];
  /** Requests that deleting took. */
  readonly requests: number;
}

/** What `collectGarbage` would delete, were nobody using the store. Changes nothing. Errors: DeploymentError, CorruptObjectError, ObjectStoreError. */
export async function findGarbage(runtime: Runtime, view: StoreView): Promise<Collectable> {
  const reads = retriedReads(view, runtime);
  await readDeployment(reads, view.description);
  const inventory = await takeInventory(view, 0);
  const newest = (await newestManifest(reads, 0)) ?? NO_MANIFEST;
  // It would come to own the shard under a later epoch.
  return collectable(inventory, { ...newest, epoch: newest.epoch + 1 });
}

/** Errors: StoreInUseError, DeploymentError, CorruptObjectError, ObjectStoreError. */
export async function collectGarbage(options: CollectOptions): Promise<CollectReport> {
  const { runtime, store, view, deposesOwner } = options;
  const shard = 0;
  const candidates = await takeInventory(view, shard);
  return asOwner({ runtime, store, shard, deposesOwner }, async (marker) => {
    const found = collectable(candidates, marker);
    return { store: store.description, found, ...(await deleteAll(options, Object.values(found).flat())) };
  });
}

function collectable(inventory: Inventory, manifest: Omit<Manifest, "predecessor" | "incarnation">): Collectable {
  const nothingVoid = { voidPlaces: [], beyondEnd: [] };
  const { flushedChunks, oldManifests, orphanedSegments } = garbageOf(inventory, manifest, nothingVoid);
  return { flushedChunks, oldManifests, orphanedSegments };
}

async function deleteAll(
  { store, onProgress }: CollectOptions,
  objects: readonly StoredObject[],
): Promise<Pick<CollectReport, "undeleted" | "requests">> {
  const undeleted: UndeletedObject[] = [];
  let requests = 0;
  for (let at = 0; at < objects.length; at += MAX_DELETE_KEYS) {
    const keys = objects.slice(at, at + MAX_DELETE_KEYS).map(({ key }) => key);
    try {
      const deleted = await store.deleteMany(keys);
      undeleted.push(...deleted.undeleted);
      requests += deleted.requests;
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
      for (const key of keys) undeleted.push({ key, error });
      requests += 1;
    }
    onProgress?.({ deleted: at + keys.length - undeleted.length, total: objects.length });
  }
  return { undeleted, requests };
}
