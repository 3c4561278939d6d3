// The engine: a deployment's shard and account behind the operations of the API. Composes, and decides what is visible by name;
// how things become durable is the shard's business.
import { AccessTokenService } from "./account/access-token-service.ts";
import type { AccountOutcome } from "./account/account.ts";
import { AccountLog } from "./account/account-log.ts";
import { BasinNames } from "./account/basin-names.ts";
import type { Basin, BasinOutcome } from "./account/basins.ts";
import { LocationService, unknownLocation } from "./account/location-service.ts";
import {
  type BasinConfig,
  type BasinConfigPatch,
  type PartialStreamConfig,
  patchStreamConfig,
  resolveStreamConfig,
  type StreamConfig,
  type StreamConfigPatch,
} from "./config.ts";
import { type Deployment, openDeployment } from "./deployment.ts";
import { OpeningReader } from "./encryption/opening-reader.ts";
import { sealInput } from "./encryption/seal-batch.ts";
import { SealingAppender } from "./encryption/sealing-appender.ts";
import { keyBytes, streamEncryption } from "./encryption/stream-encryption.ts";
import type {
  AppendAck,
  BasinInfo,
  EngineApi,
  EngineStats,
  Idempotency,
  ListOptions,
  Page,
  ProvisionResult,
  ReadOptions,
  StreamAppender,
  StreamInfo,
  StreamOpening,
  StreamReader,
} from "./engine-api.ts";
import { EngineError } from "./errors.ts";
import { DEFAULT_CACHE_BYTES, DELETION_GRACE_MS, OPERATION_MS } from "./limits.ts";
import { type EngineLogger, SILENT_LOGGER } from "./logger.ts";
import type { ObjectStore } from "./object-store/index.ts";
import type { Runtime, TimerHandle } from "./runtime/index.ts";
import type { FlushLimits } from "./segment/unflushed.ts";
import { type AppendGuard, Shard } from "./shard/shard.ts";
import type { Stream } from "./stream/stream.ts";
import { UsageLog } from "./usage/usage-log.ts";
import { UsageMeter } from "./usage/usage-meter.ts";
import { UsageService } from "./usage/usage-service.ts";
import type { AppendInput, Position } from "./wire/index.ts";

export interface EngineOptions {
  readonly runtime: Runtime;
  /** Closed by the engine. */
  readonly store: ObjectStore;
  readonly logger?: EngineLogger;
  /** Memory for records, written lately or fetched from the store. What is in flight comes on top of it. Default: DEFAULT_CACHE_BYTES. */
  readonly cacheBytes?: number;
  /** When the log is flushed into a segment. Default: FLUSH_BYTES, FLUSH_CHUNKS, FLUSH_STREAMS. */
  readonly flushLimits?: FlushLimits | undefined;
  /** Streams that a basin may have, those that are being deleted included. Default: any number. */
  readonly streamsPerBasin?: number | undefined;
  /** The engine cannot go on: another process took the shard over (DeposedError), or an object is corrupt (CorruptObjectError). Called once; from then on it answers nothing. */
  readonly onHalt?: (error: Error) => void;
}

interface Opened {
  readonly deployment: Deployment;
  readonly shard: Shard;
  readonly account: AccountLog;
  readonly usage: UsageLog;
}

export class Engine implements EngineApi {
  /** Resolves when the engine answers. Errors: DeploymentError, CorruptObjectError, ObjectStoreError, EngineError. */
  readonly started: Promise<void>;
  readonly #options: EngineOptions;
  readonly #logger: EngineLogger;
  readonly #removals = new Set<TimerHandle>();
  readonly accessTokens: AccessTokenService;
  readonly usage: UsageService;
  readonly #meter = new UsageMeter();
  readonly locations: LocationService;
  #opened: Opened | undefined;
  #halted = false;
  #closing = false;

  private constructor(options: EngineOptions) {
    this.#options = options;
    this.#logger = options.logger ?? SILENT_LOGGER;
    this.locations = new LocationService(() => this.#open());
    this.accessTokens = new AccessTokenService(options.runtime.clock, () => this.#open());
    this.usage = new UsageService({
      runtime: options.runtime,
      meter: this.#meter,
      basinId: (name) => this.#opened?.account.state.basins.get(name)?.id,
      open: () => this.#open(),
    });
    this.started = this.#start();
    // Who does not look at `started` sees `ready` stay false.
    this.started.catch(() => undefined);
  }

  /** Begins to take the store over; see `started`. */
  static start(options: EngineOptions): Engine {
    return new Engine(options);
  }

  /** Takes the store over and resolves when it answers. Errors: as `started`. */
  static async open(options: EngineOptions): Promise<Engine> {
    const engine = new Engine(options);
    await engine.started;
    return engine;
  }

  async #start(): Promise<void> {
    const { runtime, store } = this.#options;
    const deployment = await openDeployment(store, runtime);
    const shard = await Shard.open({
      runtime,
      store,
      logger: this.#logger,
      shard: 0,
      deployment,
      usage: this.#meter,
      flushLimits: this.#options.flushLimits,
      cacheBytes: this.#options.cacheBytes ?? DEFAULT_CACHE_BYTES,
      lingerMs: (basinId, storageClass) => this.#opened?.account.state.lingerMs(basinId, storageClass) ?? 0,
      onSpent: (stream) => this.#deleteSpent(stream),
      onHalt: (error) => {
        this.#halted = true;
        this.#opened?.usage.stop();
        this.#logger.error({ error: error.message }, "the shard has stopped");
        this.#options.onHalt?.(error);
      },
    });
    const account = await AccountLog.open(shard, (outcome) => this.#applied(outcome));
    const names = new BasinNames(account);
    const usage = await UsageLog.open({
      runtime,
      shard,
      logger: this.#logger,
      meter: this.#meter,
      nameOf: (basinId) => names.of(basinId),
    });
    this.#opened = { deployment, shard, account, usage };
    for (const basin of account.state.basins.tree.values())
      if (basin.deletedAtMs !== null) this.#removeBasinLater(basin, 0);
    for (const stream of shard.catalog.all()) if (stream.deletedAtMs !== null) this.#removeStreamLater(stream, 0);
  }

  get ready(): boolean {
    return this.#opened !== undefined && !this.#halted && !this.#closing;
  }

  #open(): Opened {
    if (this.#closing) throw new EngineError("server_draining", "the server is shutting down");
    if (this.#opened === undefined) throw new EngineError("unavailable", "the server is still starting");
    this.#opened.shard.assertAlive();
    return this.#opened;
  }

  // Basins.

  async createBasin(name: string, config: BasinConfig, idempotency: Idempotency | undefined, location?: string) {
    return this.#provisioned(
      name,
      await this.#open().account.propose({
        kind: "create",
        id: this.#newId(),
        name,
        atMs: this.#options.runtime.clock.wallMs(),
        idempotencyKey: idempotencyKey(idempotency),
        config,
        location,
      }),
    );
  }

  async ensureBasin(name: string, config: BasinConfig, location?: string) {
    const atMs = this.#options.runtime.clock.wallMs();
    return this.#provisioned(
      name,
      await this.#open().account.propose({ kind: "ensure", id: this.#newId(), name, atMs, config, location }),
    );
  }

  #provisioned(name: string, outcome: BasinOutcome): { info: BasinInfo; config: BasinConfig; result: ProvisionResult } {
    if (outcome.kind === "created" || outcome.kind === "updated" || outcome.kind === "noop") {
      return { info: basinInfo(outcome.basin), config: outcome.basin.config, result: outcome.kind };
    }
    throw basinError(name, outcome);
  }

  async getBasin(name: string) {
    const basin = await this.#basin(name);
    await this.#open().shard.ensureLease();
    return { info: basinInfo(basin), config: this.#shownConfig(basin) };
  }

  async reconfigureBasin(name: string, patch: BasinConfigPatch): Promise<BasinConfig> {
    const outcome = await this.#open().account.propose({ kind: "reconfigure", name, patch });
    if (outcome.kind !== "updated") throw basinError(name, outcome);
    return this.#shownConfig(outcome.basin);
  }

  #shownConfig(basin: Basin): BasinConfig {
    return { ...basin.config, defaultStreamConfig: this.#streamDefaults(basin) };
  }

  /** What streams of a basin have where nothing else is given. */
  #streamDefaults({ config, location }: Basin): PartialStreamConfig {
    const { defaultStreamConfig } = config;
    const { locations } = this.#open().account.state;
    const storageClass = defaultStreamConfig.storageClass ?? locations.get(location)?.defaultStorageClass;
    return { ...defaultStreamConfig, storageClass };
  }

  /** What a stream of a basin gets from `config`. Errors: `invalid` when the basin's location does not offer its class. */
  #resolved(basin: Basin, config: PartialStreamConfig): StreamConfig {
    return this.#offered(basin, resolveStreamConfig(config, this.#streamDefaults(basin)));
  }

  #offered(basin: Basin, config: StreamConfig): StreamConfig {
    const { storageClass } = config;
    if (this.#open().account.state.locations.offers(basin.location, storageClass)) return config;
    throw unknownClass(storageClass, basin.location);
  }

  async deleteBasin(name: string): Promise<void> {
    const { runtime } = this.#options;
    const outcome = await this.#open().account.propose({ kind: "delete", name, atMs: runtime.clock.wallMs() });
    if (outcome.kind !== "deleted") throw basinError(name, outcome);
  }

  /** What follows from a command on the account, also when its answer came too late for the client: what is being deleted must come to its end. */
  #applied(outcome: AccountOutcome): void {
    if (outcome.kind === "deleted") this.#removeBasinLater(outcome.basin, DELETION_GRACE_MS);
    this.accessTokens.applied(outcome);
  }

  /** A basin's streams end in the shard's log before its name is free. */
  #removeBasinLater(basin: Basin, delayMs: number): void {
    this.#later(delayMs, async ({ shard, account }) => {
      const current = account.state.basins.get(basin.name);
      if (current === undefined || current.id !== basin.id) return;
      await shard.removeBasin(basin.id);
      await account.propose({ kind: "remove", id: basin.id, name: basin.name });
    });
  }

  async listBasins(options: ListOptions): Promise<Page<BasinInfo>> {
    const { account, shard } = this.#open();
    await shard.ensureLease();
    return account.state.basins.tree.list(options, basinInfo);
  }

  /** A basin that is there and not being deleted. Its absence is told under the lease; what rests on its presence must see to that itself. */
  async #basin(name: string): Promise<Basin> {
    const { account, shard } = this.#open();
    const basin = account.state.basins.get(name);
    if (basin !== undefined && basin.deletedAtMs === null) return basin;
    await shard.ensureLease();
    throw basinError(name, { kind: basin === undefined ? "not-found" : "deletion-pending" });
  }

  // Streams.

  async createStream(
    basinName: string,
    name: string,
    config: PartialStreamConfig,
    idempotency: Idempotency | undefined,
  ) {
    const basin = await this.#basin(basinName);
    const { shard } = this.#open();
    const existing = shard.assigned(basin.id, name);
    const key = idempotencyKey(idempotency);
    if (key !== "" && existing?.idempotencyKey === key) this.#options.runtime.branches.reached("creation-repeated");
    const cipher = basin.config.streamCipher ?? null;
    if (existing === undefined && this.#isFull(basin)) await this.#refuseFull(basin);
    const stream = existing ?? shard.create(basin.id, name, this.#resolved(basin, config), key, cipher);
    // What is answered is what stands now, once that is durable: not what comes while it waits.
    const pending = stream.deletedAtMs !== null;
    const answer = provisionedStream(stream, existing === undefined ? "created" : "noop");
    await shard.settled(stream);
    if (pending) throw streamDeletionPending();
    if (existing === undefined || (key !== "" && existing.idempotencyKey === key)) return answer;
    throw new EngineError("resource_already_exists", "the stream already exists");
  }

  #isFull(basin: Basin): boolean {
    const { streamsPerBasin } = this.#options;
    return streamsPerBasin !== undefined && (this.#open().shard.catalog.basin(basin.id)?.size ?? 0) >= streamsPerBasin;
  }

  /** Once what fills it is durable. */
  async #refuseFull(basin: Basin): Promise<never> {
    await this.#open().shard.allSettled();
    throw new EngineError(
      "quota_exhausted",
      `basin "${basin.name}" has as many streams as the operator's quota allows`,
    );
  }

  async ensureStream(basinName: string, name: string, config: PartialStreamConfig) {
    const basin = await this.#basin(basinName);
    const { shard } = this.#open();
    const resolved = this.#resolved(basin, config);
    const existing = shard.assigned(basin.id, name);
    const pending = existing !== undefined && existing.deletedAtMs !== null;
    if (existing === undefined && this.#isFull(basin)) await this.#refuseFull(basin);
    const stream = existing ?? shard.create(basin.id, name, resolved, "", basin.config.streamCipher ?? null);
    const differs = !pending && !sameConfig(stream.config, resolved);
    if (differs) shard.configure(stream, resolved);
    const answer = provisionedStream(stream, existing === undefined ? "created" : differs ? "updated" : "noop");
    await shard.settled(stream);
    if (pending) throw streamDeletionPending();
    return answer;
  }

  async getStream(basinName: string, name: string) {
    const stream = await this.#existing(await this.#basinOfStream(basinName), name);
    const answer = { info: streamInfo(stream), config: stream.config };
    await this.#open().shard.settled(stream);
    return answer;
  }

  async reconfigureStream(basinName: string, name: string, patch: StreamConfigPatch): Promise<StreamConfig> {
    const basin = await this.#basin(basinName);
    let stream = await this.#existing(basin, name);
    // Its creation was waited for, and it may have been deleted meanwhile.
    while (stream.deletedAtMs !== null) stream = await this.#existing(basin, name);
    const { shard } = this.#open();
    const patched = patchStreamConfig(stream.config, patch, this.#streamDefaults(basin));
    // A stream may keep a class that is not offered any more.
    const config = patched.storageClass === stream.config.storageClass ? patched : this.#offered(basin, patched);
    if (!sameConfig(stream.config, config)) shard.configure(stream, config);
    await shard.settled(stream);
    return config;
  }

  async deleteStream(basinName: string, name: string): Promise<void> {
    const basin = await this.#basinOfStream(basinName);
    const { shard } = this.#open();
    const stream = shard.assigned(basin.id, name);
    if (stream === undefined) {
      await shard.ensureLease();
      throw new EngineError("stream_not_found", "the stream does not exist");
    }
    if (stream.deletedAtMs === null) {
      shard.delete(stream);
      this.#removeStreamLater(stream, DELETION_GRACE_MS);
    }
    await shard.settled(stream);
  }

  /** Nobody asked for it but the stream's own config. */
  #deleteSpent(stream: Stream): void {
    this.#open().shard.delete(stream);
    this.#logger.info({ basinId: stream.basinId, stream: stream.name }, "an empty stream is deleted");
    this.#removeStreamLater(stream, DELETION_GRACE_MS);
  }

  #removeStreamLater(stream: Stream, delayMs: number): void {
    this.#later(delayMs, async ({ shard }) => {
      if (shard.assigned(stream.basinId, stream.name) !== stream) return;
      shard.remove(stream);
      await shard.settled(stream);
    });
  }

  /** Get and delete answer `stream_not_found` where even the basin is missing (API: resources). */
  async #basinOfStream(basinName: string): Promise<Basin> {
    try {
      return await this.#basin(basinName);
    } catch (error) {
      if (error instanceof EngineError && error.code === "basin_not_found") {
        throw new EngineError("stream_not_found", `the stream does not exist: there is no basin "${basinName}"`);
      }
      throw error;
    }
  }

  #existing(basin: Basin, name: string): Promise<Stream> {
    return this.#open().shard.existing(basin.id, name);
  }

  async listStreams(basinName: string, options: ListOptions): Promise<Page<StreamInfo>> {
    const { account, shard } = this.#open();
    await shard.ensureLease();
    const basin = account.state.basins.get(basinName);
    if (basin === undefined) throw basinError(basinName, { kind: "not-found" });
    return (
      shard.catalog.basin(basin.id)?.list(options, (stream) => (stream.born ? streamInfo(stream) : undefined)) ?? {
        items: [],
        hasMore: false,
      }
    );
  }

  // Records.

  async append(basin: string, name: string, input: AppendInput, opening: StreamOpening): Promise<AppendAck> {
    this.#open().shard.assertAccepting();
    const stream = await this.#toAppend(basin, name, opening);
    const encryption = streamEncryption(this.#options.runtime, stream, opening.encryptionKey);
    const stored = encryption === undefined ? input : await sealInput(encryption, input);
    return this.#open().shard.append(stream, stored, undefined, () => this.#meter.appendOperation(stream));
  }

  async openAppender(basin: string, name: string, opening: StreamOpening): Promise<StreamAppender> {
    this.#open().shard.assertAccepting();
    const stream = await this.#toAppend(basin, name, opening);
    if (!stream.born) await this.#open().shard.settled(stream);
    const encryption = streamEncryption(this.#options.runtime, stream, opening.encryptionKey);
    const count = this.#countAppends(stream);
    const guard: AppendGuard = { failure: undefined };
    const appender: StreamAppender = {
      append: async (input) => this.#open().shard.append(stream, input, guard, count),
    };
    return encryption === undefined ? appender : new SealingAppender(appender, encryption);
  }

  /** A session counts as one operation for each minute in which it appends. */
  #countAppends(stream: Stream): () => void {
    const { clock } = this.#options.runtime;
    let nextMs = Number.NEGATIVE_INFINITY;
    return () => {
      const nowMs = clock.monotonicMs();
      if (nowMs < nextMs) return;
      nextMs = nowMs + OPERATION_MS;
      this.#meter.appendOperation(stream);
    };
  }

  #toAppend(basinName: string, name: string, opening: StreamOpening): Promise<Stream> {
    return this.#orCreate(basinName, name, (config) => config.createStreamOnAppend, opening);
  }

  /** `opening` is undefined for what needs no record: it brings no key. */
  async #orCreate(
    basinName: string,
    name: string,
    allowed: (config: BasinConfig) => boolean,
    opening: StreamOpening | undefined,
  ): Promise<Stream> {
    const basin = await this.#basin(basinName);
    const { shard } = this.#open();
    const found = shard.assigned(basin.id, name);
    // An append to a stream whose creation is in flight goes into the log behind it, and fails if it fails.
    if (found !== undefined && found.deletedAtMs === null) return found;
    if (found === undefined && allowed(basin.config)) {
      const cipher = basin.config.streamCipher ?? null;
      // What is refused for its key must have done nothing.
      if (cipher !== null && opening !== undefined) keyBytes(opening.encryptionKey);
      if (this.#isFull(basin)) await this.#refuseFull(basin);
      const config = this.#resolved(basin, opening?.config ?? {});
      return shard.create(basin.id, name, config, "", cipher);
    }
    return shard.existing(basin.id, name);
  }

  async openReader(basin: string, name: string, options: ReadOptions, opening: StreamOpening): Promise<StreamReader> {
    const stream = await this.#toRead(basin, name, opening);
    const encryption = streamEncryption(this.#options.runtime, stream, opening.encryptionKey);
    const reader = await this.#open().shard.openReader(stream, options);
    return encryption === undefined ? reader : new OpeningReader(reader, encryption);
  }

  tailAtOnce(basinName: string, name: string): Position | undefined {
    if (!this.ready || this.#opened === undefined) return undefined;
    const { account, shard } = this.#opened;
    const basin = account.state.basins.get(basinName);
    if (basin === undefined || basin.deletedAtMs !== null) return undefined;
    const stream = shard.assigned(basin.id, name);
    if (stream === undefined || !stream.born || stream.deletedAtMs !== null) return undefined;
    return shard.tailAtOnce(stream);
  }

  async checkTail(basin: string, name: string): Promise<Position> {
    const stream = await this.#toRead(basin, name, undefined);
    return this.#open().shard.checkTail(stream);
  }

  async #toRead(basin: string, name: string, opening: StreamOpening | undefined): Promise<Stream> {
    const stream = await this.#orCreate(basin, name, (config) => config.createStreamOnRead, opening);
    if (!stream.born) await this.#open().shard.settled(stream);
    return stream;
  }

  // The whole.

  stats(): EngineStats {
    const opened = this.#opened;
    const shard = opened?.shard.stats;
    return {
      inFlightAppendBytes: shard?.inFlightAppendBytes ?? 0,
      waitingAppendBytes: shard?.waitingAppendBytes ?? 0,
      cachedBytes: shard?.cachedBytes ?? 0,
      streams: opened?.shard.catalog.count ?? 0,
      basins: opened?.account.state.basins.tree.size ?? 0,
      activeReaders: shard?.activeReaders ?? 0,
      chunksPut: shard?.chunksPut ?? 0,
      chunkBytesPut: shard?.chunkBytesPut ?? 0,
      segments: shard?.segments ?? 0,
      segmentsPut: shard?.segmentsPut ?? 0,
      segmentBytesPut: shard?.segmentBytesPut ?? 0,
      recordsAppended: opened?.shard.recordsAppended ?? 0,
      takeovers: opened === undefined ? 0 : 1,
      epoch: opened?.shard.epoch ?? 0,
      cacheHits: shard?.cacheHits ?? 0,
      cacheMisses: shard?.cacheMisses ?? 0,
    };
  }

  /** Runs `work` after a while; what it does not finish is found and resumed by the next start. */
  #later(delayMs: number, work: (opened: Opened) => Promise<void>): void {
    const timer = this.#options.runtime.timers.set(delayMs, () => {
      this.#removals.delete(timer);
      if (!this.ready || this.#opened === undefined) return;
      work(this.#opened).catch((error: unknown) => {
        this.#options.runtime.branches.reached("removal-retried");
        this.#logger.warn({ error: String(error) }, "a deletion could not be finished and will be tried again");
        if (this.ready) this.#later(DELETION_GRACE_MS, work);
      });
    });
    this.#removals.add(timer);
  }

  #newId(): string {
    return Buffer.from(this.#options.runtime.random.bytes(16)).toString("hex");
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    for (const timer of this.#removals) this.#options.runtime.timers.clear(timer);
    try {
      await this.started.catch(() => undefined);
      if (this.#halted) this.#opened?.shard.abandon();
      else {
        await this.#opened?.usage.close();
        await this.#opened?.shard.close();
      }
    } finally {
      await this.#options.store.close();
    }
  }
}

function idempotencyKey(idempotency: Idempotency | undefined): string {
  return idempotency === undefined ? "" : `${idempotency.requestToken}\n${idempotency.fingerprint}`;
}

function basinInfo(basin: Basin): BasinInfo {
  return { name: basin.name, location: basin.location, createdAtMs: basin.createdAtMs, deletedAtMs: basin.deletedAtMs };
}

/** A deletion shows once it is durable. */
function streamInfo(stream: Stream): StreamInfo {
  const { name, createdAtMs, gone, deletedAtMs, cipher } = stream;
  return { name, createdAtMs, deletedAtMs: gone ? deletedAtMs : null, cipher };
}

function provisionedStream(
  stream: Stream,
  result: ProvisionResult,
): { info: StreamInfo; config: StreamConfig; result: ProvisionResult } {
  return { info: streamInfo(stream), config: stream.config, result };
}

function sameConfig(a: StreamConfig, b: StreamConfig): boolean {
  return (Object.keys(a) as (keyof StreamConfig)[]).every((field) => a[field] === b[field]);
}

function streamDeletionPending(): EngineError {
  return new EngineError("stream_deletion_pending", "the stream is being deleted");
}

type BasinRefusal = Exclude<BasinOutcome, { readonly basin: Basin }>;

function unknownClass(name: string, location: string): EngineError {
  return new EngineError("invalid", `location "${location}" does not offer storage class "${name}"`);
}

function basinError(name: string, outcome: BasinOutcome | BasinRefusal): EngineError {
  switch (outcome.kind) {
    case "unknown-location":
      return unknownLocation(outcome.name);
    case "unknown-class":
      return unknownClass(outcome.name, outcome.location);
    case "location-differs":
      return new EngineError("invalid", `basin "${name}" is in location "${outcome.location}", for good`);
    case "exists":
      return new EngineError("resource_already_exists", `basin "${name}" already exists`);
    case "deletion-pending":
      return new EngineError("basin_deletion_pending", `basin "${name}" is being deleted`);
    default:
      return new EngineError("basin_not_found", `basin "${name}" does not exist`);
  }
}
