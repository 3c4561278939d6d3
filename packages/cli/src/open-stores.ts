// The stores of a server: its own, and its log's where that has one.
import type { ObjectStore, OpenStoreOptions } from "@tailrace/engine/object-store";
import { ExitCode, ExitError } from "./exit-codes.ts";
import { openStoreOrExit } from "./open-store.ts";
import { sameStore } from "./same-store.ts";

export interface Stores {
  readonly store: ObjectStore;
  readonly logStore: ObjectStore | undefined;
}

/** Errors: ExitError (usage, store). */
export async function openStoresOrExit(
  url: string,
  walUrl: string | undefined,
  options: OpenStoreOptions = {},
): Promise<Stores> {
  if (walUrl !== undefined && sameStore(url, walUrl))
    throw new ExitError(
      ExitCode.usage,
      `--wal-store is for a log that has a store of its own, and ${walUrl} is --store`,
    );
  const store = await openStoreOrExit(url, options);
  if (walUrl === undefined) return { store, logStore: undefined };
  try {
    return { store, logStore: await openStoreOrExit(walUrl, options) };
  } catch (error) {
    await store.close();
    throw error;
  }
}
