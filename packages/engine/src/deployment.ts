// deployment.json: what every process on a store must agree on. Put once, if absent, and never changed; believed only whole.
import { crc32 } from "node:zlib";
import { RETRY_FIRST_MS, RETRY_MAX_MS } from "./limits.ts";
import type { ObjectStore } from "./object-store/index.ts";
import { ObjectStoreError } from "./object-store/index.ts";
import type { Runtime } from "./runtime/index.ts";
import { CorruptObjectError } from "./shard/corrupt.ts";
import { DEPLOYMENT_KEY } from "./shard/keys.ts";
import { retriedReads, type StoreReads } from "./shard/retry.ts";
import { pause } from "./shard/waiting.ts";

export const DEPLOYMENT_FORMAT = 1;

/** Stands in place of a format as long as not all of a copy is there: no build, older ones neither, takes it for a deployment. */
const UNFINISHED_COPY_FORMAT = "unfinished copy";

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

/** Reads the deployment, or founds one where the store is empty. Errors: ObjectStoreError, DeploymentError, CorruptObjectError. */
export async function openDeployment(store: ObjectStore, runtime: Runtime): Promise<Deployment> {
  const founded: Deployment = { ...FOUNDED, id: Buffer.from(runtime.random.bytes(16)).toString("hex") };
  const reads = retriedReads(store, runtime);
  for (let retryMs = RETRY_FIRST_MS; ; retryMs = Math.min(2 * retryMs, RETRY_MAX_MS)) {
    try {
      return await readDeployment(reads, store.description);
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || error.kind !== "absent") throw error;
    }
    try {
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

function checksumOf(fields: object): string {
  return crc32(JSON.stringify(fields)).toString(16).padStart(8, "0");
}

function parseDeployment(bytes: Uint8Array, store: string): Deployment {
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
  if (fields.format !== DEPLOYMENT_FORMAT) {
    throw new DeploymentError(
      `${store} holds data of format ${String(fields.format)}, and this build of Tailrace reads format ${DEPLOYMENT_FORMAT}: use the build that wrote it`,
    );
  }
  if (checksum !== checksumOf(fields)) throw new CorruptObjectError(DEPLOYMENT_KEY, "its checksum is wrong");
  for (const field of ["shards", "window", "leaseMs", "leaseMarginMs"]) {
    const value = fields[field];
    if (!Number.isSafeInteger(value) || (value as number) < 1)
      throw new DeploymentError(`${DEPLOYMENT_KEY} of ${store} has no valid "${field}"`);
  }
  if (fields.shards !== 1)
    throw new DeploymentError(`${store} has ${String(fields.shards)} shards, and this build of Tailrace serves one`);
  // These are the fields that were founded: the checksum is right.
  return fields as unknown as Deployment;
}
