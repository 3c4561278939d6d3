// Opening a store to look at it, and running something on it: what can go wrong becomes one sentence and an exit code.
import { CorruptObjectError, DeploymentError } from "@tailrace/engine";
import {
  type ObjectStore,
  ObjectStoreError,
  type OpenStoreOptions,
  openStore,
  openStoreView,
  StoreOpenError,
  type StoreView,
} from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import {
  CopyTargetError,
  LogMoveError,
  logOf,
  RepairError,
  StoreInUseError,
  SurveyError,
  viewWithLog,
  withLog,
} from "@tailrace/engine/store-tools";
import { ExitError } from "../exit-codes.ts";

const ALIVE_MS = 60_000;

export interface StoreOptions extends OpenStoreOptions {
  /** The store of the log, where it has one of its own. */
  readonly walStore?: string | undefined;
}

/** Errors: ExitError with `code` when the store cannot be opened, or cannot be used by what runs. */
export async function withView<T>(
  url: string,
  code: number,
  { walStore }: Pick<StoreOptions, "walStore">,
  run: (view: StoreView) => Promise<T>,
): Promise<T> {
  return expecting(code, () =>
    using(openStoreView(url, systemRuntime), async (view) => {
      const whole = async (logView?: StoreView) =>
        run(viewWithLog(view, logView, await logOf(systemRuntime, view, logView)));
      return walStore === undefined ? whole() : using(openStoreView(walStore, systemRuntime), whole);
    }),
  );
}

/** The same for what changes a store: opened to be written to, which on the file store takes its lock, and to be looked at. A store that is not there
 * is not made. */
export async function withStore<T>(
  url: string,
  code: number,
  options: StoreOptions,
  run: (store: ObjectStore, view: StoreView) => Promise<T>,
): Promise<T> {
  const { walStore } = options;
  return withView(url, code, options, (view) =>
    using(openStore(url, systemRuntime, options), (store) => {
      const whole = async (logStore?: ObjectStore) =>
        run(withLog(store, logStore, await logOf(systemRuntime, store, logStore)), view);
      return walStore === undefined ? whole() : using(openStore(walStore, systemRuntime, options), whole);
    }),
  );
}

/** The same for a store that may not be there yet: a directory is made. */
export async function withNewStore<T>(
  url: string,
  code: number,
  options: OpenStoreOptions,
  run: (store: ObjectStore, view: StoreView) => Promise<T>,
): Promise<T> {
  return expecting(code, async () => {
    await refuseStrangers(url);
    return using(openStore(url, systemRuntime, options), (store) =>
      using(openStoreView(url, systemRuntime), (view) => run(store, view)),
    );
  });
}

/** Runs something on a store that is named by a URL, and closes it. */
export async function using<S extends { close(): Promise<void> }, T>(
  open: Promise<S>,
  run: (opened: S) => Promise<T>,
): Promise<T> {
  const opened = await open;
  try {
    return await run(opened);
  } finally {
    await opened.close();
  }
}

/** Who opens a directory as a store sweeps it, and leaves a lock there: not in one that holds something else. Errors: CopyTargetError. */
async function refuseStrangers(url: string): Promise<void> {
  if (!url.startsWith("file:")) return;
  let view: StoreView;
  try {
    view = await openStoreView(url, systemRuntime);
  } catch (error) {
    // There is no such directory.
    if (error instanceof StoreOpenError) return;
    throw error;
  }
  const keys = await view.list("");
  await view.close();
  if (keys.length > 0 && !keys.includes("deployment.json"))
    throw new CopyTargetError(`${view.description} is not empty: it holds ${keys[0]}`);
}

export async function expecting<T>(code: number, run: () => Promise<T>): Promise<T> {
  // The runtime's timers keep no process alive, and a pause before something is tried again may be all that is going on.
  const alive = setInterval(() => undefined, ALIVE_MS);
  try {
    return await run();
  } catch (error) {
    const isExpected =
      error instanceof StoreOpenError ||
      error instanceof ObjectStoreError ||
      error instanceof DeploymentError ||
      error instanceof CorruptObjectError ||
      error instanceof StoreInUseError ||
      error instanceof CopyTargetError ||
      error instanceof LogMoveError ||
      error instanceof RepairError ||
      error instanceof SurveyError;
    throw isExpected ? new ExitError(code, error.message) : error;
  } finally {
    clearInterval(alive);
  }
}
