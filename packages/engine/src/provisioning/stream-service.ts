// What the engine offers for streams by name: creates, shows, changes and deletes them, and sees a deletion through.
// What it answers rests on what is durable; what stands in the streams is not its business.
import type { OpenedAccount } from "../account/account-log.ts";
import type { Basin } from "../account/basins.ts";
import {
  type BasinConfig,
  type PartialStreamConfig,
  patchStreamConfig,
  type StreamConfig,
  type StreamConfigPatch,
} from "../config.ts";
import { keyBytes } from "../encryption/stream-encryption.ts";
import type {
  Idempotency,
  ListOptions,
  Page,
  ProvisionResult,
  StreamInfo,
  StreamOpening,
  StreamsApi,
} from "../engine-api.ts";
import { EngineError } from "../errors.ts";
import { DELETION_GRACE_MS } from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Stream } from "../stream/stream.ts";
import type { Background } from "./background.ts";
import type { BasinService } from "./basin-service.ts";
import { idempotencyKey } from "./idempotency.ts";

export interface StreamServiceOptions {
  readonly runtime: Runtime;
  readonly logger: EngineLogger;
  readonly background: Background;
  readonly basins: BasinService;
  /** Streams that a basin may have, those that are being deleted included; undefined: any number. */
  readonly streamsPerBasin: number | undefined;
  /** Throws an EngineError while the engine cannot answer. */
  readonly open: () => OpenedAccount;
}

export class StreamService implements StreamsApi {
  readonly #options: StreamServiceOptions;
  readonly #basins: BasinService;

  constructor(options: StreamServiceOptions) {
    this.#options = options;
    this.#basins = options.basins;
  }

  async create(basinName: string, name: string, config: PartialStreamConfig, idempotency: Idempotency | undefined) {
    const basin = await this.#basins.existing(basinName);
    const { shard } = this.#open();
    const warming = shard.warm(basin.id, name);
    if (warming !== undefined) await warming;
    const existing = shard.assigned(basin.id, name);
    const key = idempotencyKey(idempotency);
    if (key !== "" && existing?.idempotencyKey === key) this.#options.runtime.branches.reached("creation-repeated");
    const cipher = basin.config.streamCipher ?? null;
    if (existing === undefined && this.#isFull(basin)) await this.#refuseFull(basin);
    const stream = existing ?? shard.changes.create(basin.id, name, this.#basins.resolved(basin, config), key, cipher);
    // What is answered is what stands now, once that is durable: not what comes while it waits.
    const pending = stream.deletedAtMs !== null;
    const answer = provisionedStream(stream, existing === undefined ? "created" : "noop");
    await shard.settled(stream);
    if (pending) throw streamDeletionPending();
    if (existing === undefined || (key !== "" && existing.idempotencyKey === key)) return answer;
    throw new EngineError("resource_already_exists", "the stream already exists");
  }

  async ensure(basinName: string, name: string, config: PartialStreamConfig) {
    const basin = await this.#basins.existing(basinName);
    const { shard } = this.#open();
    const resolved = this.#basins.resolved(basin, config);
    const warming = shard.warm(basin.id, name);
    if (warming !== undefined) await warming;
    const existing = shard.assigned(basin.id, name);
    const pending = existing !== undefined && existing.deletedAtMs !== null;
    if (existing === undefined && this.#isFull(basin)) await this.#refuseFull(basin);
    const stream = existing ?? shard.changes.create(basin.id, name, resolved, "", basin.config.streamCipher ?? null);
    const differs = !pending && !sameConfig(stream.config, resolved);
    if (differs) shard.changes.configure(stream, resolved);
    const answer = provisionedStream(stream, existing === undefined ? "created" : differs ? "updated" : "noop");
    await shard.settled(stream);
    if (pending) throw streamDeletionPending();
    return answer;
  }

  async get(basinName: string, name: string) {
    const stream = await this.#existing(await this.#basinOfStream(basinName), name);
    const answer = { info: streamInfo(stream), config: stream.config };
    await this.#open().shard.settled(stream);
    return answer;
  }

  async reconfigure(basinName: string, name: string, patch: StreamConfigPatch): Promise<StreamConfig> {
    const basin = await this.#basins.existing(basinName);
    let stream = await this.#existing(basin, name);
    // Its creation was waited for, and it may have been deleted meanwhile.
    while (stream.deletedAtMs !== null) stream = await this.#existing(basin, name);
    const { shard } = this.#open();
    const patched = patchStreamConfig(stream.config, patch, this.#basins.streamDefaults(basin));
    // A stream may keep a class that is not offered any more.
    const keepsClass = patched.storageClass === stream.config.storageClass;
    const config = keepsClass ? patched : this.#basins.offered(basin, patched);
    if (!sameConfig(stream.config, config)) shard.changes.configure(stream, config);
    await shard.settled(stream);
    return config;
  }

  async delete(basinName: string, name: string): Promise<void> {
    const basin = await this.#basinOfStream(basinName);
    const { shard } = this.#open();
    const warming = shard.warm(basin.id, name);
    if (warming !== undefined) await warming;
    const stream = shard.assigned(basin.id, name);
    if (stream === undefined) {
      await shard.ensureLease();
      throw new EngineError("stream_not_found", "the stream does not exist");
    }
    if (stream.deletedAtMs === null) {
      shard.changes.delete(stream);
      this.removeLater(stream);
    }
    await shard.settled(stream);
  }

  async list(basinName: string, options: ListOptions): Promise<Page<StreamInfo>> {
    const basin = await this.#basins.named(basinName);
    return this.#open().shard.list(basin.id, options, (stream) => (stream.born ? streamInfo(stream) : undefined));
  }

  /** The stream that a request means, founded if it is missing and the basin lets this kind of request (`allowed`) do so: then its creation may
   * be in flight. `opening` is undefined for what needs no record: it brings no key. */
  async opened(
    basinName: string,
    name: string,
    allowed: (config: BasinConfig) => boolean,
    opening: StreamOpening | undefined,
  ): Promise<Stream> {
    const basin = await this.#basins.existing(basinName);
    const { shard } = this.#open();
    const warming = shard.warm(basin.id, name);
    if (warming !== undefined) await warming;
    const found = shard.assigned(basin.id, name);
    // An append to a stream whose creation is in flight goes into the log behind it, and fails if it fails.
    if (found !== undefined && found.deletedAtMs === null) return found;
    if (found === undefined && allowed(basin.config)) {
      const cipher = basin.config.streamCipher ?? null;
      // What is refused for its key must have done nothing.
      if (cipher !== null && opening !== undefined) keyBytes(opening.encryptionKey);
      if (this.#isFull(basin)) await this.#refuseFull(basin);
      const config = this.#basins.resolved(basin, opening?.config ?? {});
      return shard.changes.create(basin.id, name, config, "", cipher);
    }
    return shard.existing(basin.id, name);
  }

  /** Nobody asked for it but the stream's own config. */
  deleteSpent(stream: Stream): void {
    this.#open().shard.changes.delete(stream);
    this.#options.logger.info({ basinId: stream.basinId, stream: stream.name }, "an empty stream is deleted");
    this.removeLater(stream);
  }

  /** Sees to it that a deleted stream's name is free. */
  removeLater(stream: Stream, delayMs: number = DELETION_GRACE_MS): void {
    this.#options.background.later(delayMs, async () => {
      const { shard } = this.#open();
      if (shard.assigned(stream.basinId, stream.name) !== stream) return;
      shard.changes.remove(stream);
      await shard.settled(stream);
    });
  }

  #isFull(basin: Basin): boolean {
    const { streamsPerBasin } = this.#options;
    return streamsPerBasin !== undefined && this.#open().shard.catalog.taken(basin.id) >= streamsPerBasin;
  }

  /** Once what fills it is durable. */
  async #refuseFull(basin: Basin): Promise<never> {
    await this.#open().shard.allSettled();
    throw new EngineError(
      "quota_exhausted",
      `basin "${basin.name}" has as many streams as the operator's quota allows`,
    );
  }

  /** Get and delete answer `stream_not_found` where even the basin is missing (API: resources). */
  async #basinOfStream(basinName: string): Promise<Basin> {
    try {
      return await this.#basins.existing(basinName);
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

  #open(): OpenedAccount {
    return this.#options.open();
  }
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
