// Whether this replica should be asked anything: not before it has caught up, not while it cannot reach the log, not once it has
// stopped.
import type { Store } from "../store/store.ts";

export interface Health {
  readonly status: "ok" | "catching-up" | "disconnected" | "stopped";
  /** All records of the log before this are applied. */
  readonly position?: number;
  /** What is the matter. */
  readonly reason?: string;
}

/** A log that answers later than this is not there for clients. */
const PATIENCE_MS = 1_000;

/** `store`: undefined until it has caught up. Asks the log only where it was not to be reached of late. */
export async function healthOf(store: Store | undefined): Promise<Health> {
  if (store === undefined) return { status: "catching-up" };
  const { replica } = store;
  if (replica.disconnected !== undefined) {
    await replica.read(() => undefined, { timeoutMs: PATIENCE_MS }).catch(() => undefined);
  }
  const { next: position, disconnected } = replica;
  if (store.end !== undefined) return { status: "stopped", position, reason: store.end.message };
  if (disconnected !== undefined) return { status: "disconnected", position, reason: disconnected.message };
  return { status: "ok", position };
}
