// Opening a store to look at it, and running something on it: what can go wrong becomes one sentence and an exit code.
import { CorruptObjectError, DeploymentError } from "@tailrace/engine";
import { ObjectStoreError, openStoreView, StoreOpenError, type StoreView } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { SurveyError } from "@tailrace/engine/store-tools";
import { ExitError } from "../exit-codes.ts";

/** Errors: ExitError with `code` when the store cannot be opened, or cannot be used by what runs. */
export async function withView<T>(url: string, code: number, run: (view: StoreView) => Promise<T>): Promise<T> {
  try {
    const view = await openStoreView(url, systemRuntime);
    try {
      return await run(view);
    } finally {
      await view.close();
    }
  } catch (error) {
    const isExpected =
      error instanceof StoreOpenError ||
      error instanceof ObjectStoreError ||
      error instanceof DeploymentError ||
      error instanceof CorruptObjectError ||
      error instanceof SurveyError;
    throw isExpected ? new ExitError(code, error.message) : error;
  }
}
