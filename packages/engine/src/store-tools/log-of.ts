// Where the log of a store lies, for whoever wants to look at both as one.
import { assertLogIsThere, type Deployment, DeploymentError, readDeployment } from "../deployment.ts";
import type { LogHome } from "../log-home.ts";
import { ObjectStoreError } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { retriedReads, type StoreReads } from "../shard/retry.ts";

type Described = StoreReads & { readonly description: string };

/**
 * The home of a store's log; undefined where it lies beside everything else, or where no deployment can be read: what is wrong with that is for others
 * to say. Errors: DeploymentError when it is not in `logStore`; CorruptObjectError, ObjectStoreError.
 */
export async function logOf(
  runtime: Runtime,
  store: Described,
  logStore: Described | undefined,
): Promise<LogHome | undefined> {
  let deployment: Deployment;
  try {
    deployment = await readDeployment(retriedReads(store, runtime), store.description);
  } catch (error) {
    const isAbsent = error instanceof ObjectStoreError && error.kind === "absent";
    if (isAbsent || error instanceof DeploymentError || error instanceof CorruptObjectError) return undefined;
    throw error;
  }
  await assertLogIsThere(deployment, store, logStore, runtime);
  return deployment.log;
}
