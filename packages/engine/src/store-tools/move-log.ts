// `tailrace store move-wal`: moves a deployment's log into another store, while nobody serves it. The manifest says where the log lies, for whoever
// slept; deployment.json says it to whoever starts. Whatever breaks off is gone on with: until all of the log is there, no server is started.
import {
  assertLogIsThere,
  type Deployment,
  encodeDeployment,
  encodeUnfinishedMove,
  parseDeployment,
  parseUnfinishedMove,
  withLogHome,
} from "../deployment.ts";
import { encodeLogIdentity, isLogIn, type LogHome, withLog } from "../log-home.ts";
import { SILENT_LOGGER } from "../logger.ts";
import { type ObjectStore, ObjectStoreError, type UndeletedObject } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { verifyLogObject } from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { DEPLOYMENT_KEY, logIdentityKey, manifestKey, numberOfKey, walKey, walPrefix } from "../shard/keys.ts";
import { encodeManifest, type Manifest, newestManifest, newestManifestVersion } from "../shard/manifest.ts";
import { putOwn } from "../shard/put-own.ts";
import { getIfThere, listAll, retriedReads } from "../shard/retry.ts";
import { overwrite } from "./overwrite.ts";
import { eachOf, Pool } from "./pool.ts";
import { SurveyError } from "./survey.ts";
import { type Tenure, takeTenure } from "./tenure.ts";
import { walkLog } from "./walk-log.ts";

const ID_BYTES = 16;
const CONCURRENT_OBJECTS = 16;
const SHARD = 0;

/** The log cannot be moved there. */
export class LogMoveError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "LogMoveError";
  }
}

export interface MoveLogOptions {
  readonly runtime: Runtime;
  /** The deployment's. */
  readonly store: ObjectStore;
  /** Where its log lies; undefined for `store` itself. */
  readonly from: ObjectStore | undefined;
  /** Where its log shall lie; undefined for `store` itself. */
  readonly to: ObjectStore | undefined;
  readonly deposesOwner: boolean;
  readonly onProgress?: (progress: MoveLogProgress) => void;
}

export interface MoveLogProgress {
  readonly objects: number;
  readonly bytes: number;
}

export interface MoveLogReport extends MoveLogProgress {
  readonly deploymentId: string;
  /** For people. */
  readonly to: string;
  /** False when the log was on its way elsewhere, and is left where it is after all. */
  readonly moved: boolean;
  /** Objects of the old log that may still be there. */
  readonly undeleted: readonly UndeletedObject[];
}

/** Errors: LogMoveError, StoreInUseError, SurveyError, DeploymentError, CorruptObjectError, ObjectStoreError. */
export function moveLog(options: MoveLogOptions): Promise<MoveLogReport> {
  return new LogMove(options).run();
}

class LogMove {
  readonly #options: MoveLogOptions;
  #objects = 0;
  #bytes = 0;

  constructor(options: MoveLogOptions) {
    this.#options = options;
  }

  async run(): Promise<MoveLogReport> {
    const { runtime, store, from, to } = this.#options;
    const reads = retriedReads(store, runtime);
    const bytes = await getIfThere(reads, DEPLOYMENT_KEY);
    if (bytes === undefined) throw new SurveyError(`${store.description} holds no deployment of Tailrace`);
    const unfinished = parseUnfinishedMove(bytes);
    const deployment = unfinished?.before ?? parseDeployment(bytes, store.description);
    await assertLogIsThere(deployment, store, from, runtime);

    const manifest = await newestManifest(reads, SHARD);
    // It has moved: what is left is to say so.
    if (manifest?.log !== undefined && manifest.log !== deployment.log?.id)
      return this.#finish(deployment, manifest, await this.#homeOf(deployment, manifest.log));
    if (await this.#liesThere(deployment)) {
      if (unfinished === undefined) throw new LogMoveError(`the log of ${store.description} lies there already`);
      await overwrite(this.#options, DEPLOYMENT_KEY, encodeDeployment(deployment));
      return this.#report(deployment, deployment.log?.store ?? null, false, []);
    }

    const here = withLog(store, from, deployment.log);
    const tenure = await takeTenure({ ...this.#options, store: here, shard: SHARD }, deployment);
    const home: LogHome = {
      id: isSame(unfinished?.to, to) ? unfinished.to.id : hexOf(runtime.random.bytes(ID_BYTES)),
      store: to?.description ?? null,
    };
    const there = withLog(store, to, home);
    await overwrite(this.#options, DEPLOYMENT_KEY, encodeUnfinishedMove({ before: deployment, to: home }));
    await overwrite(
      { runtime, store: to ?? store },
      logIdentityKey(home.id),
      encodeLogIdentity(home.id, deployment.id),
    );
    await this.#copy(here, there, deployment, tenure);
    const moved = await this.#commit(tenure.marker, home);
    await tenure.release(there);
    return this.#finish(deployment, moved, home);
  }

  /** Whether the log is where it shall be. */
  async #liesThere({ id, log }: Deployment): Promise<boolean> {
    const { runtime, to } = this.#options;
    if (to === undefined) return (log?.store ?? null) === null;
    return log !== undefined && (await isLogIn(retriedReads(to, runtime), log.id, id));
  }

  /** Errors: LogMoveError when the log has come to another store than the one that is named now. */
  async #homeOf({ id }: Deployment, logId: string): Promise<LogHome> {
    const { runtime, store, to } = this.#options;
    if (!(await isLogIn(retriedReads(to ?? store, runtime), logId, id)))
      throw new LogMoveError(
        `the log of ${store.description} has already come to another store than ${(to ?? store).description}: finish that first`,
      );
    return { id: logId, store: to?.description ?? null };
  }

  /** All that whoever takes over may read: the log from its start to the fence of this tenure, and all fences before. */
  async #copy(here: ObjectStore, there: ObjectStore, deployment: Deployment, tenure: Tenure): Promise<void> {
    const { marker, nextPlace } = tenure;
    const { runtime } = this.#options;
    const reads = retriedReads(here, runtime);
    const after = marker.logStart === 0 ? "" : walKey(SHARD, marker.logStart - 1);
    const keys = await listAll(reads, walPrefix(SHARD), undefined, after);
    const puts = new Pool(CONCURRENT_OBJECTS);
    const log = await walkLog({
      reads,
      shard: SHARD,
      window: deployment.window,
      manifest: marker,
      places: keys.map(numberOfKey).filter((place) => place !== undefined),
      visit: async ({ key, bytes, problem }) => {
        if (problem !== undefined || bytes === undefined) throw new CorruptObjectError(key, problem ?? "it is missing");
        await puts.run(() => this.#put(there, key, bytes));
      },
    });
    await puts.idle();
    if (log.end !== nextPlace) throw new LogMoveError(`somebody else has taken ${here.description} over: try again`);
    const before = marker.fences.filter((place) => !log.visited.has(place));
    await eachOf(before, CONCURRENT_OBJECTS, async (place) => {
      const key = walKey(SHARD, place);
      const bytes = await getIfThere(reads, key);
      if (bytes === undefined) throw new CorruptObjectError(key, "it is missing");
      verifyLogObject(key, place, bytes);
      await this.#put(there, key, bytes);
    });
  }

  async #put(there: ObjectStore, key: string, bytes: Uint8Array): Promise<void> {
    const isIn = await putOwn({ runtime: this.#options.runtime, store: there, logger: SILENT_LOGGER }, key, bytes);
    if (!isIn) throw new LogMoveError(`${there.description} has another ${key} than the log that is moved`);
    this.#objects += 1;
    this.#bytes += bytes.length;
    this.#options.onProgress?.({ objects: this.#objects, bytes: this.#bytes });
  }

  /** Puts the version that says where the log lies, right behind the own marker: from here on nobody goes on in the old one. */
  async #commit(marker: Manifest, home: LogHome): Promise<Manifest> {
    const { runtime, store } = this.#options;
    const version = marker.version + 1;
    const moved: Manifest = {
      ...marker,
      version,
      predecessor: marker.version,
      log: home.id,
    };
    const isIn = await putOwn(
      { runtime, store, logger: SILENT_LOGGER },
      manifestKey(SHARD, version),
      encodeManifest(moved),
    );
    if (!isIn || (await newestManifestVersion(retriedReads(store, runtime), SHARD)) !== version)
      throw new LogMoveError(`somebody else has taken ${store.description} over: try again`);
    return moved;
  }

  /** The log has moved: says so to whoever starts, and deletes what is left of the old one but its fences, for whoever sleeps shall meet them. */
  async #finish(deployment: Deployment, moved: Manifest, home: LogHome): Promise<MoveLogReport> {
    const { runtime, store, from } = this.#options;
    await overwrite(this.#options, DEPLOYMENT_KEY, encodeDeployment(withLogHome(deployment, home)));
    const old = withLog(store, from, deployment.log);
    const fences = new Set(moved.fences);
    const undeleted: UndeletedObject[] = [];
    for (let after = ""; ; ) {
      const page = await retriedReads(old, runtime).list(walPrefix(SHARD), after);
      const last = page.at(-1);
      if (last === undefined) break;
      const keys = page.filter((key) => !fences.has(numberOfKey(key) ?? -1));
      if (keys.length > 0) undeleted.push(...(await deleteAll(old, keys)));
      after = last;
    }
    return this.#report(deployment, home.store, true, undeleted);
  }

  #report({ id }: Deployment, to: string | null, moved: boolean, undeleted: readonly UndeletedObject[]): MoveLogReport {
    const { store } = this.#options;
    return {
      deploymentId: id,
      to: to ?? store.description,
      moved,
      undeleted,
      objects: this.#objects,
      bytes: this.#bytes,
    };
  }
}

/** Whether a move to there was begun. */
function isSame(begun: LogHome | undefined, to: ObjectStore | undefined): begun is LogHome {
  return begun !== undefined && begun.store === (to?.description ?? null);
}

async function deleteAll(store: ObjectStore, keys: readonly string[]): Promise<readonly UndeletedObject[]> {
  try {
    return (await store.deleteMany(keys)).undeleted;
  } catch (error) {
    if (!(error instanceof ObjectStoreError)) throw error;
    return keys.map((key) => ({ key, error }));
  }
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
