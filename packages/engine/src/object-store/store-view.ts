// What looks at a store without changing anything: it takes no lock and puts nothing, so it may look at a store that is in use.
import type { ObjectStore } from "./object-store.ts";

export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
}

/** A store to be looked at. Every rejection is an `ObjectStoreError`. */
export interface StoreView extends Pick<ObjectStore, "description" | "get" | "getRange" | "list" | "close"> {
  /** A page of what `list` answers, with sizes. An object that goes away while it is listed may be left out. */
  listObjects(prefix: string, after?: string): Promise<ListedObject[]>;
}
