// deployment.json: what every process on a store must agree on. Put once, if absent, and never changed; believed only whole.
import { crc32 } from "node:zlib";
import { RETRY_FIRST_MS, RETRY_MAX_MS } from "./limits.ts";
import { encodeLogIdentity, isLogIn, type LogHome } from "./log-home.ts";
import type { ObjectStore } from "./object-store/index.ts";
import { ObjectStoreError } from "./object-store/index.ts";
import type { Runtime } from "./runtime/index.ts";
import { CorruptObjectError } from "./shard/corrupt.ts";
import { DEPLOYMENT_KEY, logIdentityKey } from "./shard/keys.ts";
import { retriedReads, type StoreReads } from "./shard/retry.ts";
import { pause } from "./shard/waiting.ts";

export const DEPLOYMENT_FORMAT = 1;
/** Of a deployment whose log has a home of its own: builds that know nothing of it must not begin another log. */
const LOG_HOME_FORMAT = 2;

/** Stands in place of a format as long as not all of a copy is there: no build, older ones neither, takes it for a deployment. */
const UNFINISHED_COPY_FORMAT = "unfinished copy";

/** Stands in place of a format while the log is on its way from one home to another. */
const UNFINISHED_MOVE_FORMAT = "unfinished move of the log";

/** What stands in place of a deployment while its log is on its way. */
export interface UnfinishedMove {
  /** The deployment as it was before. */
  readonly before: Deployment;
  readonly to: LogHome;
}

/** What stands in place of a deployment as long as not all of a copy is there. */
export interface UnfinishedCopy {
  /** The id of the deployment that is copied. */
  readonly of: string;
  /** Random, of whoever is copying at the moment. */
  readonly by: string;
}

export interface Deployment {
  readonly format: number;
  /** Random; names the deployment. */
  readonly id: string;
  readonly shards: number;
  /** Places that may be in flight: an owner sends nothing at or beyond its first unacknowledged place + window. */
  readonly window: number;
  readonly leaseMs: number;
  /** Added to a taker's wait, for clocks that run at different speeds. */
  readonly leaseMarginMs: number;
  /** Where the log lies; absent where it lies beside everything else. */
  readonly log?: LogHome;
}

/** What a new deployment is founded with; its id is random. */
export const FOUNDED: Deployment = {
  format: DEPLOYMENT_FORMAT,
  id: "",
  shards: 1,
  window: 16,
  leaseMs: 1_500,
  leaseMarginMs: 250,
};

/** The store holds a deployment that this build cannot serve. */
export class DeploymentError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DeploymentError";
  }
}

/**
 * Reads the deployment, or founds one where the store is empty: with its log in `logStore` where one is given.
 * Errors: ObjectStoreError, DeploymentError (also where the log lies elsewhere), CorruptObjectError.
 */
export async function openDeployment(
  store: ObjectStore,
  runtime: Runtime,
  logStore?: ObjectStore,
): Promise<Deployment> {
  const reads = retriedReads(store, runtime);
  let founded: Deployment | undefined;
  for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(2 * retryMs, RETRY_MAX_MS)) {
    try {
      const deployment = await readDeployment(reads, store.description);
      await assertLogIsThere(deployment, store, logStore, runtime);
      // Somebody else was first, with another home for the log.
      if (founded?.log !== undefined && founded.log.id !== deployment.log?.id)
        await logStore?.delete(logIdentityKey(founded.log.id)).catch(() => undefined); // An object that nobody minds.
      return deployment;
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || error.kind !== "absent") throw error;
    }
    founded ??= newDeployment(runtime, logStore);
    try {
      // The log's home first: it is there before anything names it.
      if (founded.log !== undefined && logStore !== undefined)
        await logStore.put(logIdentityKey(founded.log.id), [encodeLogIdentity(founded.log.id, founded.id)]);
      await store.putIfAbsent(DEPLOYMENT_KEY, [encodeDeployment(founded)]);
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
      if (error.kind !== "exists") {
        if ((error.kind !== "ambiguous" && error.kind !== "unavailable") || retryMs === RETRY_MAX_MS) throw error;
        await pause(runtime, retryMs);
      }
    }
    // Whoever put it, what is there now is the deployment.
  }
}

function newDeployment(runtime: Runtime, logStore: ObjectStore | undefined): Deployment {
  const id = () => Buffer.from(runtime.random.bytes(16)).toString("hex");
  const founded: Deployment = { ...FOUNDED, id: id() };
  return logStore === undefined ? founded : withLogHome(founded, { id: id(), store: logStore.description });
}

/** The same deployment with its log there. */
export function withLogHome(deployment: Deployment, log: LogHome): Deployment {
  return { ...deployment, format: LOG_HOME_FORMAT, log };
}

/** Errors: DeploymentError, one sentence for whoever has named another store than that of the log; CorruptObjectError, ObjectStoreError. */
export async function assertLogIsThere(
  { id, log }: Deployment,
  store: { readonly description: string },
  logStore: (Pick<StoreReads, "get" | "getRange" | "list"> & { readonly description: string }) | undefined,
  runtime: Runtime,
): Promise<void> {
  const isApart = log !== undefined && log.store !== null;
  if (!isApart && logStore !== undefined)
    throw new DeploymentError(
      `the log of ${store.description} lies in that store itself: start without --wal-store, or move it with "tailrace store move-wal"`,
    );
  if (isApart && logStore === undefined)
    throw new DeploymentError(
      `the log of ${store.description} lies in a store of its own, ${log.store} when it was put there: name it with --wal-store`,
    );
  if (logStore !== undefined && log !== undefined && !(await isLogIn(retriedReads(logStore, runtime), log.id, id)))
    throw new DeploymentError(
      `the log of ${store.description} is not in ${logStore.description}: it was put into ${log.store}, and is moved with "tailrace store move-wal" alone`,
    );
}

/** Reads the deployment that is there. Errors: ObjectStoreError (`absent` where there is none), DeploymentError, CorruptObjectError. */
export async function readDeployment(reads: Pick<StoreReads, "get">, store: string): Promise<Deployment> {
  return parseDeployment(await reads.get(DEPLOYMENT_KEY), store);
}

/** JSON for people, with the checksum of all the other fields. */
export function encodeDeployment(deployment: Deployment): Uint8Array {
  return Buffer.from(`${JSON.stringify({ ...deployment, checksum: checksumOf(deployment) }, null, 2)}\n`);
}

export function encodeUnfinishedCopy({ of, by }: UnfinishedCopy): Uint8Array {
  return Buffer.from(`${JSON.stringify({ format: UNFINISHED_COPY_FORMAT, of, by }, null, 2)}\n`);
}

/** Undefined when it is anything else. */
export function parseUnfinishedCopy(bytes: Uint8Array): UnfinishedCopy | undefined {
  try {
    const { format, of, by } = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>;
    return format === UNFINISHED_COPY_FORMAT && typeof of === "string" && typeof by === "string"
      ? { of, by }
      : undefined;
  } catch {
    return undefined; // No JSON: no copy of ours.
  }
}

export function encodeUnfinishedMove({ before, to }: UnfinishedMove): Uint8Array {
  const fields = { format: UNFINISHED_MOVE_FORMAT, before, to };
  return Buffer.from(`${JSON.stringify({ ...fields, checksum: checksumOf(fields) }, null, 2)}\n`);
}

/** Undefined when it is anything else. Errors: CorruptObjectError. */
export function parseUnfinishedMove(bytes: Uint8Array): UnfinishedMove | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined; // No JSON: no move of ours.
  }
  const { checksum, ...fields } = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Record<
    string,
    unknown
  >;
  if (fields.format !== UNFINISHED_MOVE_FORMAT) return undefined;
  if (checksum !== checksumOf(fields)) throw new CorruptObjectError(DEPLOYMENT_KEY, "its checksum is wrong");
  // These are the fields that were put: the checksum is right.
  return fields as unknown as UnfinishedMove;
}

function checksumOf(fields: object): string {
  return crc32(JSON.stringify(fields)).toString(16).padStart(8, "0");
}

export function parseDeployment(bytes: Uint8Array, store: string): Deployment {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(bytes).toString());
  } catch (error) {
    throw new DeploymentError(`${DEPLOYMENT_KEY} of ${store} is not JSON: ${String(error)}`);
  }
  const { checksum, ...fields } = (typeof parsed === "object" && parsed !== null ? parsed : {}) as Record<
    string,
    unknown
  >;
  if (fields.format === UNFINISHED_COPY_FORMAT)
    throw new DeploymentError(
      `${store} holds a copy that was not finished: go on with "tailrace store copy --resume", or delete what is there`,
    );
  if (fields.format === UNFINISHED_MOVE_FORMAT)
    throw new DeploymentError(
      `the log of ${store} was being moved, and that was not finished: go on with "tailrace store move-wal"`,
    );
  if (fields.format !== DEPLOYMENT_FORMAT && fields.format !== LOG_HOME_FORMAT) {
    throw new DeploymentError(
      `${store} holds data of format ${String(fields.format)}, and this build of Tailrace reads formats up to ${LOG_HOME_FORMAT}: use the build that wrote it`,
    );
  }
  if (checksum !== checksumOf(fields)) throw new CorruptObjectError(DEPLOYMENT_KEY, "its checksum is wrong");
  for (const field of ["shards", "window", "leaseMs", "leaseMarginMs"]) {
    const value = fields[field];
    if (!Number.isSafeInteger(value) || (value as number) < 1)
      throw new DeploymentError(`${DEPLOYMENT_KEY} of ${store} has no valid "${field}"`);
  }
  if ((fields.format === LOG_HOME_FORMAT) !== isLogHome(fields.log))
    throw new DeploymentError(`${DEPLOYMENT_KEY} of ${store} has no valid "log"`);
  if (fields.shards !== 1)
    throw new DeploymentError(`${store} has ${String(fields.shards)} shards, and this build of Tailrace serves one`);
  // These are the fields that were founded: the checksum is right.
  return fields as unknown as Deployment;
}

function isLogHome(log: unknown): log is LogHome {
  if (typeof log !== "object" || log === null) return false;
  const { id, store } = log as Record<string, unknown>;
  return typeof id === "string" && /^[0-9a-f]{32}$/.test(id) && (typeof store === "string" || store === null);
}
