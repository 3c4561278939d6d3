// A small store with a past: several owners, of which one crashed and one was deposed; segments, chunks and what is between; streams that were
// trimmed, deleted, founded again, fenced, configured, encrypted. Made by the engine itself under virtual time: the same bytes for the same seed.
import { DEFAULT_BASIN_CONFIG, type StreamCipher } from "../config.ts";
import { EncryptionKey } from "../encryption/encryption-key.ts";
import { CACHE_AGE_MS, COLLECT_GRACE_MS } from "../limits.ts";
import type { MemoryStore } from "../object-store/index.ts";
import { loadAegis, VirtualRuntime } from "../runtime/index.ts";
import type { FlushLimits } from "../segment/unflushed.ts";
import { BASIN, Harness, recordsOf, type TestRecord } from "./harness.ts";
import { inputOf, type TestBatch } from "./inputs.ts";

/** Part of its log stays a log. */
const SAMPLE_REST_MS = 24 * 3_600_000;
/** Every few chunks are a flush. */
export const SAMPLE_LIMITS: FlushLimits = { bytes: 100_000, chunks: 16, streams: 1_000 };
const ALL_MOVED_MS = CACHE_AGE_MS + COLLECT_GRACE_MS + 1_000;

export const SAMPLE_KEY = Buffer.alloc(32, 7).toString("base64");
const CIPHERS: readonly StreamCipher[] = ["aegis-256", "aes-256-gcm"];

/** What a stream holds: its first sequence number that is kept, the bodies from there on, and its tail. */
export interface SampleStream {
  readonly basin: string;
  readonly name: string;
  readonly firstSeqNum: number;
  readonly bodies: readonly string[];
  readonly tail: number;
}

export interface Sample {
  readonly streams: readonly SampleStream[];
  /** Names that must not be there. */
  readonly gone: readonly { readonly basin: string; readonly name: string }[];
  /** The wall clock when it was done. */
  readonly wallMs: number;
}

export interface SampleOptions {
  readonly seed?: number;
  /** Whether the last owner says good-bye. Default: true. */
  readonly released?: boolean;
  /** Records of an unremarkable stream; each is a chunk. Default: 70. */
  readonly appends?: number;
}

/** Writes a sample into an empty store. */
export async function writeSample(store: MemoryStore, options: SampleOptions = {}): Promise<Sample> {
  await loadAegis();
  const { seed = 1, released = true, appends = 70 } = options;
  const writer = new Writer();

  const first = await owner(store, seed, undefined);
  await writer.found(first);
  await writer.appendAll(first, "events", Math.floor(appends / 2));
  await writer.deleteAndFoundAgain(first);
  await first.runtime.advance(ALL_MOVED_MS);
  await first.until(first.engine.close());

  // It crashes: nothing is asked of it any more, and its time stands still.
  const second = await owner(store, seed + 1, first.runtime.clock.wallMs());
  await writer.appendAll(second, "events", 5);

  const third = await owner(store, seed + 2, second.runtime.clock.wallMs() + 60_000);
  await writer.trimAndFence(third);
  await writer.appendAll(third, "events", appends - Math.floor(appends / 2));
  await writer.removeBasin(third);
  await third.runtime.advance(ALL_MOVED_MS);
  // What stays in the log.
  await writer.appendAll(third, "events", 3);
  await writer.appendAll(third, "again", 2);
  await third.until(third.engine.streams.reconfigure(BASIN, "configured", { retentionAgeSecs: 4_711 }));
  if (released) await third.until(third.engine.close());
  return { ...writer.sample(), wallMs: third.runtime.clock.wallMs() };
}

/** Reads a sample back as clients would, and answers what it finds. */
export async function readSample(store: MemoryStore, expected: Sample): Promise<Sample> {
  await loadAegis();
  const h = await owner(store, 99, expected.wallMs + 1_000);
  const streams: SampleStream[] = [];
  for (const { basin, name } of expected.streams) {
    const tail = await h.until(h.engine.checkTail(basin, name));
    const records = tail.seqNum === 0 ? [] : await readToEnd(h, basin, name);
    streams.push({
      basin,
      name,
      firstSeqNum: records[0]?.seqNum ?? tail.seqNum,
      bodies: records.map(({ body }) => body),
      tail: tail.seqNum,
    });
  }
  const gone: Sample["gone"][number][] = [];
  for (const each of expected.gone) {
    const isThere = await h.until(
      h.engine.streams.get(each.basin, each.name).then(
        () => true,
        () => false,
      ),
    );
    if (!isThere) gone.push(each);
  }
  await h.until(h.engine.close());
  return { streams, gone, wallMs: expected.wallMs };
}

async function readToEnd(h: Harness, basin: string, name: string): Promise<TestRecord[]> {
  const options = { start: { kind: "seq_num", seqNum: 0 }, count: 1_000_000, mode: "session" } as const;
  const reader = await h.until(
    h.engine.openReader(
      basin,
      name,
      { ...options, clamp: false, bytes: undefined, until: undefined, waitMs: undefined },
      { config: {}, encryptionKey: new EncryptionKey(SAMPLE_KEY) },
    ),
  );
  const records: TestRecord[] = [];
  for (;;) {
    const event = await h.until(reader.next());
    if (event.kind === "batch") records.push(...recordsOf(event.slices));
    if (event.kind === "end") return records;
  }
}

function owner(store: MemoryStore, seed: number, wallMs: number | undefined): Promise<Harness> {
  const runtime = new VirtualRuntime(wallMs === undefined ? { seed } : { seed, wallMs });
  return Harness.open(store, runtime, SAMPLE_LIMITS, undefined, undefined, SAMPLE_REST_MS);
}

/** Does what is remarkable, and remembers what must be there afterwards. */
class Writer {
  readonly #streams = new Map<string, { basin: string; firstSeqNum: number; bodies: string[]; tail: number }>();
  readonly #gone: { basin: string; name: string }[] = [];

  async found(h: Harness): Promise<void> {
    await h.until(h.engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
    for (const name of ["events", "trimmed", "fenced", "configured", "deleted", "again", "empty"])
      await this.#create(h, BASIN, name);
    for (const cipher of CIPHERS) {
      const basin = `sealed-${cipher}`;
      const none = { defaultStreamConfig: {}, createStreamOnAppend: false, createStreamOnRead: false };
      await h.until(h.engine.basins.ensure(basin, { ...none, streamCipher: cipher }));
      await this.#create(h, basin, "secret");
      for (let i = 0; i < 3; i += 1) await this.append(h, "secret", { bodies: [`secret ${i}`, ""] }, basin);
    }
    await h.until(h.engine.basins.ensure("other-basin", DEFAULT_BASIN_CONFIG));
    await h.until(h.engine.streams.ensure("other-basin", "gone", {}));
    await this.appendAll(h, "trimmed", 12);
    await this.append(h, "events", { bodies: ["with a timestamp"], timestamps: [2n ** 63n + 1n] });
    // Larger than what is copied into a segment's blocks.
    await this.append(h, "configured", { bodies: ["x".repeat(20_000)] });
  }

  async deleteAndFoundAgain(h: Harness): Promise<void> {
    await this.appendAll(h, "deleted", 2);
    await h.until(h.append({ bodies: ["of its first life"] }, "again"));
    await h.until(h.engine.streams.delete(BASIN, "deleted"));
    await h.until(h.engine.streams.delete(BASIN, "again"));
    this.#streams.delete(`${BASIN}/deleted`);
    this.#gone.push({ basin: BASIN, name: "deleted" });
    await h.runtime.advance(3_000);
    await this.#create(h, BASIN, "again");
  }

  async trimAndFence(h: Harness): Promise<void> {
    await this.append(h, "fenced", { bodies: ["mine"], commands: [{ kind: "fence", index: 0, token: "mine" }] });
    await this.append(h, "trimmed", { bodies: ["t"], commands: [{ kind: "trim", index: 0, seqNum: 7 }] });
    const trimmed = this.#of(BASIN, "trimmed");
    trimmed.firstSeqNum = 7;
    trimmed.bodies.splice(0, 7);
  }

  async removeBasin(h: Harness): Promise<void> {
    await h.until(h.engine.basins.delete("other-basin"));
    this.#gone.push({ basin: "other-basin", name: "gone" });
    await h.runtime.advance(3_000);
  }

  /** Each a batch, and so a chunk, of its own. */
  async appendAll(h: Harness, name: string, count: number): Promise<void> {
    for (let i = 0; i < count; i += 1)
      await this.append(h, name, { bodies: [`${name} ${this.#of(BASIN, name).tail}`] });
  }

  async append(h: Harness, name: string, batch: TestBatch, basin = BASIN): Promise<void> {
    const encryptionKey = new EncryptionKey(SAMPLE_KEY);
    await h.until(h.engine.append(basin, name, inputOf(batch), { config: {}, encryptionKey }));
    const stream = this.#of(basin, name);
    stream.bodies.push(...batch.bodies);
    stream.tail += batch.bodies.length;
  }

  sample(): Pick<Sample, "streams" | "gone"> {
    const streams = [...this.#streams].map(([path, stream]) => ({
      ...stream,
      name: path.slice(stream.basin.length + 1),
    }));
    return { streams, gone: this.#gone };
  }

  async #create(h: Harness, basin: string, name: string): Promise<void> {
    await h.until(h.engine.streams.ensure(basin, name, {}));
    this.#streams.set(`${basin}/${name}`, { basin, firstSeqNum: 0, bodies: [], tail: 0 });
  }

  #of(basin: string, name: string) {
    const stream = this.#streams.get(`${basin}/${name}`);
    if (stream === undefined) throw new Error(`no stream ${basin}/${name}`);
    return stream;
  }
}
