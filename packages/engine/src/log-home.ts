// Where a deployment's log lies when it does not lie beside everything else: in a store of its own, or moved within the deployment's. Each such log has
// an id, and keys of its own below it, so that what once stood in another log of the deployment is never taken for part of this one.
import { type ObjectStore, ObjectStoreError, SplitStore, SplitView, type StoreView } from "./object-store/index.ts";
import { CorruptObjectError } from "./shard/corrupt.ts";
import { logIdentityKey, logRoute } from "./shard/keys.ts";
import type { StoreReads } from "./shard/retry.ts";

export interface LogHome {
  /** Random, hexadecimal; never used again. */
  readonly id: string;
  /** The store where it was put, for people; null for the deployment's own. */
  readonly store: string | null;
}

/** Stands in the log's store. The same bytes whenever they are put. */
export function encodeLogIdentity(logId: string, deploymentId: string): Uint8Array {
  return Buffer.from(`${JSON.stringify({ log: logId, deployment: deploymentId }, null, 2)}\n`);
}

/** Whether the log of this id lies in a store. Errors: CorruptObjectError when it says that it is another's; ObjectStoreError. */
export async function isLogIn(reads: Pick<StoreReads, "get">, logId: string, deploymentId: string): Promise<boolean> {
  const key = logIdentityKey(logId);
  let found: Uint8Array;
  try {
    found = await reads.get(key);
  } catch (error) {
    if (error instanceof ObjectStoreError && error.kind === "absent") return false;
    throw error;
  }
  if (Buffer.compare(found, encodeLogIdentity(logId, deploymentId)) !== 0)
    throw new CorruptObjectError(key, `it is not what was put for deployment ${deploymentId}`);
  return true;
}

/** A deployment's objects as one store, wherever its log lies. */
export function withLog(store: ObjectStore, logStore: ObjectStore | undefined, log: LogHome | undefined): ObjectStore {
  return log === undefined ? store : new SplitStore(store, logStore ?? store, logRoute(log.id));
}

/** The same, to be looked at. */
export function viewWithLog(view: StoreView, logView: StoreView | undefined, log: LogHome | undefined): StoreView {
  return log === undefined ? view : new SplitView(view, logView ?? view, logRoute(log.id));
}
