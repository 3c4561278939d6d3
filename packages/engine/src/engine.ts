// The engine: a deployment's shard and account behind the operations of the API. Composes, and takes records to and from streams;
// what is visible by name is for provisioning/ to say, and how things become durable is the shard's business.
import { AccessTokenService } from "./account/access-token-service.ts";
import type { AccountOutcome } from "./account/account.ts";
import { AccountLog } from "./account/account-log.ts";
import { BasinNames } from "./account/basin-names.ts";
import { LocationService } from "./account/location-service.ts";
import { type Deployment, openDeployment } from "./deployment.ts";
import { OpeningReader } from "./encryption/opening-reader.ts";
import { sealInput } from "./encryption/seal-batch.ts";
import { SealingAppender } from "./encryption/sealing-appender.ts";
import { streamEncryption } from "./encryption/stream-encryption.ts";
import type {
  AppendAck,
  EngineApi,
  EngineStats,
  ReadOptions,
  StreamAppender,
  StreamOpening,
  StreamReader,
} from "./engine-api.ts";
import { EngineError } from "./errors.ts";
import { DEFAULT_CACHE_BYTES, OPERATION_MS } from "./limits.ts";
import { withLog } from "./log-home.ts";
import { type EngineLogger, SILENT_LOGGER } from "./logger.ts";
import type { ObjectStore } from "./object-store/index.ts";
import { Background } from "./provisioning/background.ts";
import { BasinService } from "./provisioning/basin-service.ts";
import { StreamService } from "./provisioning/stream-service.ts";
import type { Runtime } from "./runtime/index.ts";
import type { CompactionLimits } from "./segment/plan-compaction.ts";
import type { FlushLimits } from "./segment/unflushed.ts";
import type { AppendGuard } from "./shard/appends.ts";
import { Shard } from "./shard/shard.ts";
import type { Stream } from "./stream/stream.ts";
import { UsageLog } from "./usage/usage-log.ts";
import { UsageMeter } from "./usage/usage-meter.ts";
import { UsageService } from "./usage/usage-service.ts";
import type { AppendInput, Position } from "./wire/index.ts";

export interface EngineOptions {
  readonly runtime: Runtime;
  /** Closed by the engine. */
  readonly store: ObjectStore;
  /** For the log alone, where it has a store of its own. Closed by the engine. Default: it lies in `store`. */
  readonly logStore?: ObjectStore | undefined;
  readonly logger?: EngineLogger;
  /** Memory for records, written lately or fetched from the store. What is in flight comes on top of it. Default: DEFAULT_CACHE_BYTES. */
  readonly cacheBytes?: number;
  /** When the log is flushed into a segment. Default: FLUSH_BYTES, FLUSH_CHUNKS, FLUSH_STREAMS. */
  readonly flushLimits?: FlushLimits | undefined;
  /** Nothing has been written for so long: what is left of the log is flushed. Default: REST_MS. */
  readonly restMs?: number | undefined;
  /** When segments are merged. Default: COMPACTION_FAN_IN, MERGED_BYTES, DEAD_BYTES, MAX_MERGED_SEGMENTS. */
  readonly compactionLimits?: CompactionLimits | undefined;
  /** What nobody used for so long leaves memory, or twice as long. Default: DORMANT_MS. */
  readonly dormantMs?: number | undefined;
  /** Streams in memory beyond which they leave it as soon as they can. Default: by the memory for records. */
  readonly manyStreams?: number | undefined;
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
  readonly #background: Background;
  readonly basins: BasinService;
  readonly streams: StreamService;
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
    const { runtime, streamsPerBasin } = options;
    const logger = this.#logger;
    const open = () => this.#open();
    const background = new Background({ runtime, logger, isReady: () => this.ready });
    this.#background = background;
    this.basins = new BasinService({ runtime, background, open });
    this.streams = new StreamService({ runtime, logger, background, basins: this.basins, streamsPerBasin, open });
    this.locations = new LocationService(open);
    this.accessTokens = new AccessTokenService(runtime.clock, open);
    this.usage = new UsageService({
      runtime,
      meter: this.#meter,
      basinId: (name) => this.#opened?.account.state.basins.get(name)?.id,
      open,
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
    const { runtime, store: own, logStore } = this.#options;
    const deployment = await openDeployment(own, runtime, logStore);
    const store = withLog(own, logStore, deployment.log);
    let isAbandoned = false;
    const shard = await Shard.open({
      runtime,
      store,
      logger: this.#logger,
      shard: 0,
      deployment,
      usage: this.#meter,
      flushLimits: this.#options.flushLimits,
      restMs: this.#options.restMs,
      compactionLimits: this.#options.compactionLimits,
      dormantMs: this.#options.dormantMs,
      manyStreams: this.#options.manyStreams,
      cacheBytes: this.#options.cacheBytes ?? DEFAULT_CACHE_BYTES,
      lingerMs: (basinId, storageClass) => this.#opened?.account.state.lingerMs(basinId, storageClass) ?? 0,
      onSpent: (stream) => this.streams.deleteSpent(stream),
      onDeletionPending: (stream) => this.streams.removeLater(stream, 0),
      onHalt: (error) => {
        // Then `started` says why.
        if (isAbandoned) return;
        this.#halted = true;
        this.#opened?.usage.stop();
        this.#logger.error({ error: error.message }, "the shard has stopped");
        this.#options.onHalt?.(error);
      },
    });
    const { account, usage } = await this.#openLogs(shard).catch((error: unknown) => {
      // Nobody else knows of it, and it must not go on by itself.
      isAbandoned = true;
      shard.abandon();
      throw error;
    });
    this.#opened = { deployment, shard, account, usage };
    for (const basin of account.state.basins.tree.values())
      if (basin.deletedAtMs !== null) this.basins.removeLater(basin, 0);
    for (const stream of shard.catalog.all()) if (stream.deletedAtMs !== null) this.streams.removeLater(stream, 0);
    shard.beginAgeing();
  }

  /** What the store remembers on streams of its own. Errors: EngineError. */
  async #openLogs(shard: Shard): Promise<Pick<Opened, "account" | "usage">> {
    const account = await AccountLog.open(shard, (outcome) => this.#applied(outcome));
    const names = new BasinNames(account);
    const usage = await UsageLog.open({
      runtime: this.#options.runtime,
      shard,
      logger: this.#logger,
      meter: this.#meter,
      nameOf: (basinId) => names.of(basinId),
    });
    return { account, usage };
  }

  /** What follows from a command on the account, also when its answer came too late for the client: what is being deleted must come to its end. */
  #applied(outcome: AccountOutcome): void {
    if (outcome.kind === "deleted") this.basins.removeLater(outcome.basin);
    this.accessTokens.applied(outcome);
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

  // Records.

  async append(basin: string, name: string, input: AppendInput, opening: StreamOpening): Promise<AppendAck> {
    this.#open().shard.assertAccepting();
    const stream = await this.#toAppend(basin, name, opening);
    const encryption = streamEncryption(this.#options.runtime, stream, opening.encryptionKey);
    const count = () => this.#meter.appendOperation(stream);
    if (encryption === undefined) return this.#open().shard.append(stream, input, undefined, count);
    const { shard } = this.#open();
    shard.appenderOpened(stream);
    try {
      const sealed = await sealInput(encryption, input);
      return this.#open().shard.append(stream, sealed, undefined, count);
    } finally {
      shard.appenderClosed(stream);
    }
  }

  async openAppender(basin: string, name: string, opening: StreamOpening): Promise<StreamAppender> {
    this.#open().shard.assertAccepting();
    const stream = await this.#toAppend(basin, name, opening);
    if (!stream.born) await this.#open().shard.settled(stream);
    const encryption = streamEncryption(this.#options.runtime, stream, opening.encryptionKey);
    const count = this.#countAppends(stream);
    const guard: AppendGuard = { failure: undefined };
    const { shard } = this.#open();
    shard.appenderOpened(stream);
    let isOpen = true;
    const appender: StreamAppender = {
      append: async (input) => this.#open().shard.append(stream, input, guard, count),
      close: () => {
        if (isOpen) shard.appenderClosed(stream);
        isOpen = false;
      },
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
    return this.streams.opened(basinName, name, (config) => config.createStreamOnAppend, opening);
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
    const stream = await this.streams.opened(basin, name, (config) => config.createStreamOnRead, opening);
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
      streamsInMemory: opened?.shard.catalog.inMemory ?? 0,
      basins: opened?.account.state.basins.tree.size ?? 0,
      activeReaders: shard?.activeReaders ?? 0,
      chunksPut: shard?.chunksPut ?? 0,
      chunkBytesPut: shard?.chunkBytesPut ?? 0,
      segments: shard?.segments ?? 0,
      segmentsPut: shard?.segmentsPut ?? 0,
      segmentBytesPut: shard?.segmentBytesPut ?? 0,
      merges: shard?.merges ?? 0,
      mergedBytesPut: shard?.mergedBytesPut ?? 0,
      segmentsDropped: shard?.segmentsDropped ?? 0,
      recordsAppended: shard?.recordsAppended ?? 0,
      takeovers: opened === undefined ? 0 : 1,
      epoch: opened?.shard.epoch ?? 0,
      cacheHits: shard?.cacheHits ?? 0,
      cacheMisses: shard?.cacheMisses ?? 0,
    };
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#background.stop();
    try {
      await this.started.catch(() => undefined);
      if (this.#halted) this.#opened?.shard.abandon();
      else {
        this.#opened?.shard.stopFlushing();
        await this.#opened?.usage.close();
        await this.#opened?.shard.close();
      }
    } finally {
      const { store, logStore } = this.#options;
      await Promise.all([store.close(), logStore?.close()]);
    }
  }
}
