// The store that a deployment is copied into: claimed before anything is put, opened by nobody until all of it is there. Never touches a store that
// holds anything else.
import {
  type Deployment,
  encodeDeployment,
  encodeUnfinishedCopy,
  parseUnfinishedCopy,
  type UnfinishedCopy,
} from "../deployment.ts";
import { encodeLogIdentity, viewWithLog, withLog } from "../log-home.ts";
import { SILENT_LOGGER } from "../logger.ts";
import { MAX_DELETE_KEYS, type ObjectStore, type StoreView } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { DEPLOYMENT_KEY, logIdentityKey } from "../shard/keys.ts";
import { putOwn } from "../shard/put-own.ts";
import { getIfThere, retriedReads, type StoreReads } from "../shard/retry.ts";
import { allObjects } from "./inventory.ts";
import { overwrite, repeated } from "./overwrite.ts";

const ID_BYTES = 16;

/** The target cannot take the copy. */
export class CopyTargetError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "CopyTargetError";
  }
}

export interface CopyTargetOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  /** Of the same store. */
  readonly view: StoreView;
  /** Whether to go on with a copy that was not finished. */
  readonly resumes: boolean;
}

export class CopyTarget {
  readonly #runtime: Runtime;
  readonly #store: ObjectStore;
  readonly #view: StoreView;
  readonly #reads: StoreReads;
  readonly #claim: UnfinishedCopy;
  /** What was there when it was claimed, and what was put since: bytes by key. */
  readonly #sizes: Map<string, number>;

  private constructor({ runtime, store, view }: CopyTargetOptions, claim: UnfinishedCopy, sizes: Map<string, number>) {
    this.#runtime = runtime;
    this.#store = store;
    this.#view = view;
    this.#reads = retriedReads(view, runtime);
    this.#claim = claim;
    this.#sizes = sizes;
  }

  /** Claims an empty store, or one that holds an unfinished copy of the same deployment. Errors: CopyTargetError, ObjectStoreError. */
  static async claim(
    options: CopyTargetOptions,
    { id: sourceId, log }: Pick<Deployment, "id" | "log">,
  ): Promise<CopyTarget> {
    const { runtime, resumes } = options;
    // The log comes to lie in the target, wherever it lay: under the keys of the home that the manifests name.
    const home = log === undefined ? undefined : { ...log, store: null };
    const store = withLog(options.store, undefined, home);
    const view = viewWithLog(options.view, undefined, home);
    const claim = { of: sourceId, by: hexOf(runtime.random.bytes(ID_BYTES)) };
    const sizes = new Map<string, number>();
    for await (const { key, bytes } of allObjects(view, "")) sizes.set(key, bytes);
    const found = await getIfThere(retriedReads(view, runtime), DEPLOYMENT_KEY);
    const target = new CopyTarget({ ...options, store, view }, claim, sizes);
    if (found === undefined) {
      if (sizes.size > 0)
        throw new CopyTargetError(`${store.description} is not empty: it holds ${[...sizes.keys()][0]}`);
      const isIn = await putOwn({ runtime, store, logger: SILENT_LOGGER }, DEPLOYMENT_KEY, encodeUnfinishedCopy(claim));
      if (!isIn) throw new CopyTargetError(`${store.description} is not empty any more`);
      return target;
    }
    const unfinished = parseUnfinishedCopy(found);
    if (unfinished === undefined) throw new CopyTargetError(`${store.description} is not empty: it holds a deployment`);
    if (unfinished.of !== sourceId)
      throw new CopyTargetError(
        `${store.description} holds an unfinished copy of another deployment, ${unfinished.of}`,
      );
    if (!resumes)
      throw new CopyTargetError(
        `${store.description} holds an unfinished copy of this deployment: if nobody is at work on it, go on with --resume`,
      );
    await overwrite(options, DEPLOYMENT_KEY, encodeUnfinishedCopy(claim));
    sizes.delete(DEPLOYMENT_KEY);
    return target;
  }

  /** Whether an object of this size is there. Only of objects that never change. */
  has(key: string, bytes: number): boolean {
    return this.#sizes.get(key) === bytes;
  }

  /** Errors: CopyTargetError when something else is there; ObjectStoreError. */
  async put(key: string, bytes: Uint8Array): Promise<void> {
    const isIn = await putOwn({ runtime: this.#runtime, store: this.#store, logger: SILENT_LOGGER }, key, bytes);
    if (!isIn) throw new CopyTargetError(`${this.#store.description} has another ${key} than the copy would have`);
    this.#sizes.set(key, bytes.length);
  }

  /** Makes it a deployment of its own, with nothing in it but `keys`. Errors: CopyTargetError, ObjectStoreError. */
  async finish(deployment: Deployment, keys: ReadonlySet<string>): Promise<Deployment> {
    await this.#assertClaimed();
    await this.#deleteAllBut(keys);
    const missing = new Set(keys);
    for await (const { key, bytes } of allObjects(this.#view, ""))
      if (this.#sizes.get(key) === bytes) missing.delete(key);
    const [first] = missing;
    if (first !== undefined) throw new CopyTargetError(`${this.#store.description} has lost ${first}`);
    const { log, ...rest } = deployment;
    const id = hexOf(this.#runtime.random.bytes(ID_BYTES));
    const own: Deployment = { ...rest, id, ...(log === undefined ? {} : { log: { ...log, store: null } }) };
    const target = { store: this.#store, runtime: this.#runtime };
    await this.#assertClaimed();
    if (log !== undefined) await overwrite(target, logIdentityKey(log.id), encodeLogIdentity(log.id, id));
    await overwrite(target, DEPLOYMENT_KEY, encodeDeployment(own));
    return own;
  }

  async #assertClaimed(): Promise<void> {
    const found = await this.#reads.get(DEPLOYMENT_KEY);
    if (parseUnfinishedCopy(found)?.by !== this.#claim.by)
      throw new CopyTargetError(`somebody else is copying to ${this.#store.description}`);
  }

  /** What an attempt before has left, of a part of the log that has become a segment since. */
  async #deleteAllBut(keys: ReadonlySet<string>): Promise<void> {
    const surplus = [...this.#sizes.keys()].filter((key) => key !== DEPLOYMENT_KEY && !keys.has(key));
    for (let at = 0; at < surplus.length; at += MAX_DELETE_KEYS) {
      const some = surplus.slice(at, at + MAX_DELETE_KEYS);
      const { undeleted } = await repeated(this.#runtime, () => this.#store.deleteMany(some));
      const [first] = undeleted;
      if (first !== undefined) throw first.error;
      for (const key of some) this.#sizes.delete(key);
    }
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
