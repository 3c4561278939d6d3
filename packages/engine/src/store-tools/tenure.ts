// Owning a shard for as long as an operator's command takes: takes it over as any owner does, by fence and marker, runs something, and releases it.
// Never appends anything to the log.
import { type Deployment, readDeployment } from "../deployment.ts";
import { type EngineLogger, SILENT_LOGGER } from "../logger.ts";
import type { ObjectStore } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { encodeLogObjectHeader } from "../shard/chunk-format.ts";
import { walKey } from "../shard/keys.ts";
import type { Manifest } from "../shard/manifest.ts";
import { putOwn } from "../shard/put-own.ts";
import { retriedReads } from "../shard/retry.ts";
import { takeOver } from "../shard/takeover.ts";
import { pause } from "../shard/waiting.ts";

const INCARNATION_BYTES = 16;

/** Somebody may be serving the store. */
export class StoreInUseError extends Error {
  constructor(store: string) {
    super(
      `${store} was not released: somebody may be serving it. Stop it cleanly, or take the shard over from whoever it is with --take-over`,
    );
    this.name = "StoreInUseError";
  }
}

export interface TenureOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly shard: number;
  readonly logger?: EngineLogger;
  /** Whether to depose an owner who has not released the shard. */
  readonly deposesOwner: boolean;
}

export interface Tenure {
  /** Of its epoch; was seen to be the newest manifest. */
  readonly marker: Manifest;
  /** The first place that this owner may fill. */
  readonly nextPlace: number;
  /** Says that nobody owns the log any more, as its last object. Somebody else may have taken over since, and then it is theirs. */
  release(store: ObjectStore): Promise<void>;
}

/**
 * Takes the shard over. When it resolves, nobody else can answer for the shard any more.
 * Errors: StoreInUseError, DeploymentError, CorruptObjectError, ObjectStoreError.
 */
export async function takeTenure(options: TenureOptions, deployment: Deployment): Promise<Tenure> {
  const { runtime, store, shard, logger = SILENT_LOGGER, deposesOwner } = options;
  const incarnation = runtime.random.bytes(INCARNATION_BYTES);
  const {
    manifest: marker,
    nextPlace,
    waitMs,
    fencedAtMs,
  } = await takeOver({
    runtime,
    store,
    logger,
    shard,
    deployment,
    incarnation,
    mayFence: ({ place, afterRelease }) => {
      // Whoever holds the kernel's lock is alone; and a log without any object has no owner.
      if (!store.exclusive && !afterRelease && place > 0 && !deposesOwner) throw new StoreInUseError(store.description);
    },
    begin: () => Promise.resolve(),
    apply: () => undefined,
  });
  await pause(runtime, Math.max(0, fencedAtMs + waitMs - runtime.clock.monotonicMs()));
  return {
    marker,
    nextPlace,
    release: async (log) => {
      const release = encodeLogObjectHeader({
        kind: "release",
        place: nextPlace,
        epoch: marker.epoch,
        incarnation,
        nextPlace: nextPlace + 1,
        entryCount: 0,
        contentBytes: 0,
        contentCrc: 0,
      });
      await putOwn({ runtime, store: log, logger }, walKey(shard, nextPlace), release);
    },
  };
}

/**
 * Runs `work` as the owner, with the marker of its epoch, and releases the shard. Errors: as `takeTenure`; `absent` where there is no deployment.
 */
export async function asOwner<T>(options: TenureOptions, work: (marker: Manifest) => Promise<T>): Promise<T> {
  const { runtime, store } = options;
  const deployment = await readDeployment(retriedReads(store, runtime), store.description);
  const tenure = await takeTenure(options, deployment);
  const result = await work(tenure.marker);
  await tenure.release(store);
  return result;
}
