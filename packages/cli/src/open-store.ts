// An object store by its URL, or the exit that says why not.
import { ObjectStoreError, type OpenStoreOptions, openStore, StoreOpenError } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { ExitCode, ExitError } from "./exit-codes.ts";

/** Errors: ExitError (store). */
export async function openStoreOrExit(url: string, options: OpenStoreOptions = {}) {
  try {
    return await openStore(url, systemRuntime, options);
  } catch (error) {
    if (error instanceof StoreOpenError || error instanceof ObjectStoreError)
      throw new ExitError(ExitCode.store, error.message);
    throw error;
  }
}
