// One process of the simulation, from its start to its end: the production engine on the bucket, the production handlers behind
// the shell. Ends by a crash, by a clean stop, or because its engine halts; a new start is a new process.
import { type CompactionLimits, Engine, type EngineLogger, type FlushLimits } from "@tailrace/engine";
import type { BranchCounts } from "@tailrace/engine/runtime";
import {
  Answering,
  type AppendQuotaOptions,
  AppendQuotas,
  Audit,
  Authenticator,
  DEFAULT_PRICES,
  Drain,
  FairShare,
  FrameMemory,
  Metrics,
  Router,
  Unfinished,
} from "@tailrace/server/api";
import type { Bucket } from "./bucket.ts";
import { BucketClient, type BucketClientOptions } from "./bucket-client.ts";
import type { Chance } from "./chance.ts";
import type { CollectionWatch } from "./collection-watch.ts";
import { Drift } from "./drift.ts";
import type { Exchange } from "./exchange.ts";
import { LogClient } from "./log-client.ts";
import type { LogWatch } from "./log-watch.ts";
import type { Connection } from "./network.ts";
import { ProcessRuntime, type Sealing } from "./process-runtime.ts";
import type { QuotaWatch } from "./quota-watch.ts";
import { Lane, type Scheduler } from "./scheduler.ts";
import { answer } from "./shell.ts";
import type { Weather } from "./weather.ts";

/** How long a stopping process waits for requests to end, and for the store to take the last writes: as `tailrace serve` does. */
const DRAIN_GRACE_MS = 4_000;
const SHUTDOWN_DEADLINE_MS = 15_000;
const DRAIN_POLL_MS = 20;

/** Frames are small here, and their memory is to be used again all the same. */
const FRAME_MEMORY_STEP_BYTES = 64;

/** Every process has the same routes, and a router keeps nothing. */
const router = new Router();

/** How processes are set up: all of a simulation alike. */
export interface ProcessSettings {
  readonly flushLimits: FlushLimits;
  readonly compactionLimits: CompactionLimits;
  /** Nothing was written for so long: what is left of the log is flushed. */
  readonly restMs: number;
  /** Memory for records. */
  readonly cacheBytes: number;
  /** What nobody used for so long leaves memory; beyond so many streams in memory, at once. */
  readonly dormantMs: number;
  readonly manyStreams: number;
  readonly quotas: AppendQuotaOptions;
  /** Undefined: any number. */
  readonly streamsPerBasin: number | undefined;
  /** The log has a store of its own: a disk, where there is a lock, beside a bucket for everything else. */
  readonly logApart: boolean;
}

export interface SimProcessOptions {
  readonly name: string;
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly bucket: Bucket;
  readonly weather: () => Weather;
  /** Between it and the log, where that has a store of its own. */
  readonly logWeather: () => Weather;
  readonly watch: LogWatch;
  readonly collection: CollectionWatch;
  readonly quota: QuotaWatch;
  readonly branches: BranchCounts;
  readonly settings: ProcessSettings;
  /** Takes note of what processes seal. */
  readonly sealings: Sealing[];
  /** Something that must never be. */
  readonly onViolation: (what: string) => void;
}

export type ProcessState = "starting" | "serving" | "stopping" | "over";

export class SimProcess {
  readonly name: string;
  readonly lane: Lane;
  readonly runtime: ProcessRuntime;
  readonly store: BucketClient;
  readonly engine: Engine;
  state: ProcessState = "starting";
  /** Why it could not start or go on. */
  failure: Error | undefined;
  /** It was asked to stop while it served, and came to its end in peace: whoever follows need not wait for it. */
  released = false;
  readonly #options: SimProcessOptions;
  readonly #answering: Answering;
  readonly #share = new FairShare();
  readonly #unfinished = new Unfinished();
  readonly #drain = new Drain();
  readonly #connections = new Set<Connection>();
  #active = 0;

  constructor(options: SimProcessOptions) {
    const { name, scheduler, chance, bucket, weather, watch, collection, quota, branches, onViolation } = options;
    const { quotas, logApart, ...settings } = options.settings;
    this.#options = options;
    this.name = name;
    this.lane = new Lane(name);
    const drift = new Drift(chance.fork());
    this.runtime = new ProcessRuntime(scheduler, this.lane, chance.fork(), drift, branches, options.sealings);
    const { lane } = this;
    const client = (its: Pick<BucketClientOptions, "weather" | "exclusive">) =>
      new BucketClient({
        bucket,
        scheduler,
        lane,
        chance: chance.fork(),
        watch,
        collection,
        quota,
        onViolation,
        ...its,
      });
    this.store = client(logApart ? { weather, exclusive: false } : { weather });
    const logStore = logApart ? new LogClient(client({ weather: options.logWeather }), bucket) : undefined;
    quota.started(this.lane, scheduler.nowMs);
    if (bucket.exclusive) bucket.holder = this.lane;
    scheduler.note(this.lane, "starts");
    this.engine = Engine.start({
      runtime: this.runtime,
      store: this.store,
      logStore,
      logger: this.#logger(),
      ...settings,
      onHalt: (error) => this.#fail(error),
    });
    const { engine, runtime } = this;
    const metrics = new Metrics(() => engine.stats(), { counts: {} }, branches, false);
    this.#answering = new Answering({
      context: {
        engine,
        runtime,
        metrics,
        drain: this.#drain,
        audit: new Audit(this.#logger(), runtime),
        prices: DEFAULT_PRICES,
        quotas: new AppendQuotas(quotas, this.runtime),
        unfinished: this.#unfinished,
        frameMemory: new FrameMemory(FRAME_MEMORY_STEP_BYTES),
      },
      router,
      authenticator: new Authenticator(engine.accessTokens, runtime, undefined),
      metricsAuth: false,
      basinDomain: undefined,
      // What it logs as an error is a request that failed unexpectedly: an answer of status 500.
      logger: { ...this.#logger(), error: (fields, message) => this.#unexpected(message, JSON.stringify(fields)) },
    });
    this.engine.started.then(
      () => {
        scheduler.note(this.lane, "serves");
        if (this.state === "starting") this.state = "serving";
      },
      (error: unknown) => this.#fail(error instanceof Error ? error : new Error(String(error))),
    );
  }

  /** Crashed, stopped or failed: nothing of it is left but what it has sent. */
  get over(): boolean {
    return this.state === "over";
  }

  /** Takes a request in. */
  accept(exchange: Exchange): void {
    const { connection } = exchange;
    this.#connections.add(connection);
    this.#active += 1;
    void answer(exchange, {
      answering: this.#answering,
      runtime: this.runtime,
      share: this.#share,
      unfinished: this.#unfinished,
      onUnexpected: (error) =>
        this.#unexpected("a session failed", error instanceof Error ? (error.stack ?? error.message) : String(error)),
    }).finally(() => {
      this.#active -= 1;
      this.#connections.delete(connection);
    });
  }

  #unexpected(what: string, why: string): void {
    this.#options.onViolation(`${this.name}: ${what}: ${why}`);
  }

  /** Requests under way. */
  get active(): number {
    return this.#active;
  }

  /** Ends at once, as kill -9 does. */
  crash(): void {
    if (this.over) return;
    this.#options.scheduler.note(this.lane, "crashes");
    this.#end();
  }

  /** Ends as on SIGTERM: drains, releases, closes. */
  stop(): void {
    if (this.over || this.state === "stopping") return;
    const served = this.state === "serving";
    this.state = "stopping";
    const { scheduler } = this.#options;
    scheduler.note(this.lane, "stops");
    scheduler.after(
      SHUTDOWN_DEADLINE_MS,
      this.lane,
      "shutdown deadline",
      () => {
        if (!this.over) this.#end();
      },
      true,
    );
    void this.#shutDown(served);
  }

  async #shutDown(served: boolean): Promise<void> {
    const { scheduler } = this.#options;
    this.#drain.begin();
    const untilMs = this.runtime.clock.monotonicMs() + DRAIN_GRACE_MS;
    while (this.#active > 0 && this.runtime.clock.monotonicMs() < untilMs)
      await scheduler.pause(DRAIN_POLL_MS, this.lane, "draining");
    this.#breakConnections();
    await this.#close(served);
  }

  /** The engine cannot start or go on. */
  #fail(error: Error): void {
    if (this.failure !== undefined || this.over) return;
    this.failure = error;
    this.#options.scheduler.note(this.lane, `fails: ${error.message}`);
    this.state = "stopping";
    this.#breakConnections();
    void this.#close(false);
  }

  async #close(releases: boolean): Promise<void> {
    try {
      await this.engine.close();
      this.released = releases && this.failure === undefined;
      this.#options.scheduler.note(this.lane, "is closed");
    } catch (error) {
      this.#options.scheduler.note(this.lane, `could not close: ${String(error)}`);
    }
    this.#end();
  }

  #end(): void {
    this.state = "over";
    const { scheduler, bucket } = this.#options;
    if (bucket.holder === this.lane) bucket.holder = undefined;
    this.#breakConnections();
    scheduler.kill(this.lane);
  }

  #breakConnections(): void {
    for (const connection of this.#connections) connection.break();
    this.#connections.clear();
  }

  #logger(): EngineLogger {
    const { scheduler } = this.#options;
    const log = (fields: object, message: string) =>
      scheduler.note(this.lane, `says: ${message} ${JSON.stringify(fields)}`);
    return { info: log, warn: log, error: log };
  }
}
