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

/** `store`: undefined until it has caught up. */
export function healthOf(store: Store | undefined): Health {
  if (store === undefined) return { status: "catching-up" };
  const { next: position, disconnected } = store.replica;
  if (store.end !== undefined) return { status: "stopped", position, reason: store.end.message };
  if (disconnected !== undefined) return { status: "disconnected", position, reason: disconnected.message };
  return { status: "ok", position };
}
