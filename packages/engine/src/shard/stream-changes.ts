// Changes to a shard's streams, but for their records: creation, configuration, trims by age, deletion, removal. Each is an entry in the open chunk, in
// effect for what is sequenced behind it at once, and for those who ask when it is durable. Decides nothing: what may be asked is the caller's to know.
import type { CreatedEntry } from "../catalog/entries.ts";
import type { OpenStreams } from "../catalog/open-streams.ts";
import type { StreamCatalog } from "../catalog/stream-catalog.ts";
import type { PartialStreamConfig, StreamCipher, StreamConfig } from "../config.ts";
import { resolveStreamConfig } from "../config.ts";
import { EngineError } from "../errors.ts";
import { RETENTION_LINGER_MS } from "../limits.ts";
import type { Retention } from "../retention/retention.ts";
import type { Runtime } from "../runtime/index.ts";
import type { Unflushed } from "../segment/unflushed.ts";
import type { StateEntry } from "../stream/sequencer.ts";
import { assertInMemory, Stream } from "../stream/stream.ts";
import type { UsageMeter } from "../usage/usage-meter.ts";
import type { Chunk } from "./chunk.ts";
import { EntryKind, type EntryKindCode, STREAM_ID_BYTES } from "./chunk-format.ts";
import type { ChunkLog } from "./chunk-log.ts";
import { addJsonEntry } from "./open-chunk.ts";

export interface StreamChangesOptions {
  readonly runtime: Runtime;
  readonly log: ChunkLog;
  readonly catalog: StreamCatalog;
  readonly open: OpenStreams;
  readonly unflushed: Unflushed;
  readonly retention: Retention;
  readonly usage: UsageMeter;
}

/** Errors of all: EngineError, when the shard takes nothing now or the stream has left memory. */
export class StreamChanges {
  readonly #runtime: Runtime;
  readonly #log: ChunkLog;
  readonly #catalog: StreamCatalog;
  readonly #open: OpenStreams;
  readonly #unflushed: Unflushed;
  readonly #retention: Retention;
  readonly #usage: UsageMeter;

  constructor({ runtime, log, catalog, open, unflushed, retention, usage }: StreamChangesOptions) {
    this.#runtime = runtime;
    this.#log = log;
    this.#catalog = catalog;
    this.#open = open;
    this.#unflushed = unflushed;
    this.#retention = retention;
    this.#usage = usage;
  }

  /** Sequences a creation; the name must be free. Its durability is `settled`. Errors: EngineError, `basin_deletion_pending` when the basin has ended
   * meanwhile: nothing would ever end the stream. */
  create(
    basinId: string,
    name: string,
    config: PartialStreamConfig,
    idempotencyKey: string,
    cipher: StreamCipher | null,
  ): Stream {
    return this.createWithId(
      this.#runtime.random.bytes(STREAM_ID_BYTES),
      basinId,
      name,
      config,
      idempotencyKey,
      cipher,
    );
  }

  createWithId(
    id: Uint8Array,
    basinId: string,
    name: string,
    config: PartialStreamConfig,
    idempotencyKey: string,
    cipher: StreamCipher | null = null,
  ): Stream {
    this.#log.assertAccepting();
    if (this.#catalog.hasEnded(basinId))
      throw new EngineError("basin_deletion_pending", "the basin was deleted while the stream was looked for");
    const stream = new Stream(
      id,
      basinId,
      name,
      this.#runtime.clock.wallMs(),
      resolveStreamConfig(config),
      cipher,
      idempotencyKey,
    );
    const created: CreatedEntry = {
      basinId,
      name,
      createdAtMs: stream.createdAtMs,
      config: stream.config,
      cipher,
      idempotencyKey,
    };
    stream.deadBytes = this.#open.live;
    this.#open.created(stream);
    this.#catalog.add(stream);
    this.#write(stream, EntryKind.created, created, () => {
      stream.born = true;
      this.#catalog.born(stream);
      this.#retention.watch(stream);
    });
    return stream;
  }

  configure(stream: Stream, config: StreamConfig): void {
    this.#log.assertAccepting();
    assertInMemory(stream);
    stream.config = config;
    this.#write(stream, EntryKind.configured, { config }, () => {
      stream.durable.config = config;
      this.#retention.watch(stream);
    });
  }

  /** Hides what is below a sequence number, as a trim command's effect would. */
  trim(stream: Stream, seqNum: number): void {
    if (stream.ended || stream.deletedAtMs !== null || seqNum <= stream.assignedTrimPoint) return;
    this.#log.assertAccepting();
    assertInMemory(stream);
    stream.assignedTrimPoint = seqNum;
    const state: StateEntry = { fencingToken: stream.fencingToken, trimPoint: seqNum };
    const onDurable = () => {
      stream.durable.fencingToken = state.fencingToken;
      stream.applyTrim(seqNum);
      this.#usage.shrunk(stream);
    };
    this.#write(stream, EntryKind.state, state, onDurable, RETENTION_LINGER_MS);
  }

  /** From here on the stream takes nothing and shows nothing; its name stays taken until `remove`. */
  delete(stream: Stream): void {
    this.#log.assertAccepting();
    assertInMemory(stream);
    const deletedAtMs = this.#runtime.clock.wallMs();
    stream.deletedAtMs = deletedAtMs;
    this.#retention.forget(stream);
    this.#write(stream, EntryKind.deleted, { deletedAtMs }, () => {
      stream.durable.deletedAtMs = deletedAtMs;
      stream.gone = true;
      stream.freedBytes += stream.index.meteredBytes;
      this.#usage.shrunk(stream);
    });
  }

  /** Frees a deleted stream's name once that is durable. Written once, however often it is asked for. */
  remove(stream: Stream): void {
    if (stream.ended) return;
    this.#log.assertAccepting();
    this.#write(stream, EntryKind.removed, {}, () => {
      stream.removed = true;
      stream.allDied();
      this.#unflushed.removals.removed(stream);
      this.#catalog.remove(stream);
    });
    stream.ended = true;
  }

  /** Ends all streams of a basin; resolves once that is durable. */
  async removeBasin(basinId: string): Promise<void> {
    this.#log.assertAccepting();
    const streams = [...(this.#catalog.basin(basinId)?.values() ?? [])];
    const deletedAtMs = this.#runtime.clock.wallMs();
    // Those that are not in memory have nothing on its way, and are not opened any more.
    this.#catalog.endBasin(basinId);
    for (const stream of streams) {
      stream.deletedAtMs ??= deletedAtMs;
      stream.ended = true;
      this.#retention.forget(stream);
    }
    const chunk = this.#log.open;
    addJsonEntry(chunk, this.#log.slabs, EntryKind.basinRemoved, Buffer.from(basinId, "hex"), 0, {});
    chunk.addEffect({
      apply: () => {
        this.#unflushed.removals.basinRemoved(basinId);
        for (const stream of streams) {
          stream.removed = true;
          stream.gone = true;
          stream.freedBytes += stream.index.meteredBytes;
          this.#unflushed.touch(stream);
          this.#usage.shrunk(stream);
          stream.wakeFollowers();
        }
        this.#unflushed.addFreed(this.#usage.stored(basinId));
        this.#usage.basinRemoved(basinId);
        this.#catalog.removeBasin(basinId);
      },
      fail: () => undefined,
    });
    this.#log.gathered(0);
    await this.#log.whenDurable(chunk);
  }

  #write(stream: Stream, kind: EntryKindCode, payload: object, onDurable: () => void, lingerMs = 0): void {
    // Whoever reads the log takes an entry of a stream that it does not know for corruption.
    if (stream.ended) throw new Error(`an entry of stream "${stream.name}" would follow its removal`);
    const chunk: Chunk = this.#log.open;
    addJsonEntry(chunk, this.#log.slabs, kind, stream.id, stream.assigned.nextSeqNum, payload);
    stream.lastChunk = chunk;
    chunk.addEffect({
      apply: () => {
        if (stream.lastChunk === chunk) stream.lastChunk = undefined;
        onDurable();
        this.#unflushed.touch(stream);
        stream.wakeFollowers();
      },
      fail: () => undefined,
    });
    this.#log.gathered(lingerMs);
  }
}
