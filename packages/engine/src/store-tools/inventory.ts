// Which objects are in a store, told apart by their keys alone, with sizes. Reads none of them.
import type { StoreView } from "../object-store/index.ts";
import { DEPLOYMENT_KEY, manifestPrefix, numberOfKey, segmentPrefix, walPrefix } from "../shard/keys.ts";

export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
}

/** An object whose key ends in a number: a place or a version. */
export interface NumberedObject extends StoredObject {
  readonly number: number;
}

export interface Inventory {
  readonly shard: number;
  /** In order. */
  readonly log: readonly NumberedObject[];
  readonly manifests: readonly NumberedObject[];
  readonly segments: readonly StoredObject[];
  readonly deployment: StoredObject | undefined;
  /** Whatever else there is: nothing that Tailrace knows by its key. */
  readonly others: readonly StoredObject[];
}

/** Errors: ObjectStoreError. */
export async function takeInventory(view: StoreView, shard: number): Promise<Inventory> {
  const log: NumberedObject[] = [];
  const manifests: NumberedObject[] = [];
  const segments: StoredObject[] = [];
  const others: StoredObject[] = [];
  let deployment: StoredObject | undefined;
  for await (const object of allObjects(view, "")) {
    const { key } = object;
    const number = numberOfKey(key);
    if (number !== undefined && key.startsWith(walPrefix(shard))) log.push({ ...object, number });
    else if (number !== undefined && key.startsWith(manifestPrefix(shard))) manifests.push({ ...object, number });
    else if (key.startsWith(segmentPrefix(shard))) segments.push(object);
    else if (key === DEPLOYMENT_KEY) deployment = object;
    else others.push(object);
  }
  return { shard, log, manifests, segments, deployment, others };
}

export async function* allObjects(view: StoreView, prefix: string): AsyncIterable<StoredObject> {
  for (let after = ""; ; ) {
    const page = await view.listObjects(prefix, after);
    const last = page.at(-1);
    if (last === undefined) return;
    yield* page;
    after = last.key;
  }
}

export function totalBytes(objects: readonly StoredObject[]): number {
  let bytes = 0;
  for (const object of objects) bytes += object.bytes;
  return bytes;
}
