// node bench/scale/amplification.ts (under the Node that runs Tailrace): a day of appends, trims, retention and deletions in virtual time, through the
// engine as it is, on a store in memory that counts. Says how many bytes are written for each that is appended, how many are kept for each that can be
// read, and what is left when everything has been deleted. Processor time is all that it takes, so its figures do not depend on the machine.
import { parseArgs } from "node:util";
import { DEFAULT_BASIN_CONFIG, Engine } from "@tailrace/engine";
import { MemoryStore } from "@tailrace/engine/object-store";
import { VirtualRuntime } from "@tailrace/engine/runtime";
import { storeStats } from "@tailrace/engine/store-tools";
import { type AppendInput, parseAppendInputJson } from "@tailrace/engine/wire";
import { type Figures, printRow, type Result, writeJson } from "../report.ts";

const HELP = `node bench/scale/amplification.ts [options]

A simulated day on a store in memory. Takes minutes, and as much memory as a few times what can be read at once.

  --gib N       GiB appended over the day (default 4)
  --hours N     its length (default 24)
  --out FILE    write the results as JSON
`;
const BASIN = "bench-basin";
const HOUR_MS = 3_600_000;
const TICK_MS = 10_000;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const RECORD_BYTES = 16 * 1024;
/** Streams by what becomes of their records. */
const KINDS = [
  { name: "aged", streams: 60, retentionAgeSecs: 2 * 3_600 },
  { name: "trimmed", streams: 60, keeps: 200 },
  { name: "deleted", streams: 60, livesMs: 3 * HOUR_MS },
  { name: "kept", streams: 20, sharesOneIn: 4 },
] as const;

/** Counts what is put. */
class CountedStore extends MemoryStore {
  bytesPut = 0;
  puts = 0;

  constructor() {
    super({ exclusive: true });
  }

  override putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    this.puts += 1;
    for (const { length } of parts) this.bytesPut += length;
    return super.putIfAbsent(key, parts);
  }
}

const { values } = parseArgs({
  options: {
    gib: { type: "string", default: "4" },
    hours: { type: "string", default: "24" },
    out: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const runtime = new VirtualRuntime({ seed: 1 });
const store = new CountedStore();
let halted: Error | undefined;
const engine = Engine.start({
  runtime,
  store,
  onHalt: (error) => {
    halted = error;
  },
});
await runtime.until(engine.started);
const appends = Math.round((Number(values.gib) * GIB) / RECORD_BYTES);
const result = await day(appends, Number(values.hours));
const results: Result[] = [{ store: "memory", row: "a simulated day", server: "tailrace", figures: result }];
printRow(results, "memory", "a simulated day");
if (values.out !== undefined) writeJson(values.out, results, []);
process.exit(0);

async function day(toAppend: number, hours: number): Promise<Figures> {
  await runtime.until(engine.basins.ensure(BASIN, DEFAULT_BASIN_CONFIG));
  const streams = KINDS.flatMap((kind) =>
    Array.from({ length: kind.streams }, (_, i) => ({ kind, name: `${kind.name}-${i}`, bornMs: 0, tail: 0 })),
  );
  for (const { name, kind } of streams)
    await runtime.until(
      engine.streams.ensure(
        BASIN,
        name,
        "retentionAgeSecs" in kind ? { retentionAgeSecs: kind.retentionAgeSecs } : { retentionAgeSecs: "infinite" },
      ),
    );
  const record = input(Buffer.alloc(RECORD_BYTES, 7));
  const ticks = Math.round((hours * HOUR_MS) / TICK_MS);
  const spaces: number[] = [];
  let appended = 0;
  let appendedBytes = 0;
  let peakObjects = 0;
  for (let tick = 1; tick <= ticks; tick += 1) {
    const due = Math.round((toAppend * tick) / ticks);
    const acks: Promise<unknown>[] = [];
    for (; appended < due; appended += 1) {
      const stream = streams[Math.floor(runtime.random.fraction() * streams.length)];
      if ("sharesOneIn" in stream.kind && runtime.random.fraction() * stream.kind.sharesOneIn > 1) continue;
      appendedBytes += RECORD_BYTES;
      acks.push(
        engine.append(BASIN, stream.name, record, { config: {} }).then(({ end }) => {
          stream.tail = end.seqNum;
        }),
      );
    }
    await runtime.until(Promise.all(acks));
    await lookAfter(streams, tick * TICK_MS);
    await runtime.advance(TICK_MS);
    if (halted !== undefined) throw halted;
    if ((tick * TICK_MS) % HOUR_MS !== 0) continue;
    const stats = await storeStats({ runtime, view: store });
    if (stats.damage.count > 0) throw new Error(`damage: ${JSON.stringify(stats.damage.told)}`);
    spaces.push(stats.spaceAmplification ?? 0);
    peakObjects = Math.max(peakObjects, stats.total.count);
    console.error(
      `hour ${(tick * TICK_MS) / HOUR_MS}: ${(appendedBytes / GIB).toFixed(2)} GiB appended, ${(store.bytesPut / appendedBytes).toFixed(2)} times written; ${stats.total.count} objects, ${(stats.total.bytes / MIB).toFixed(0)} MiB, ${(stats.spaceAmplification ?? 0).toFixed(2)} for each that can be read`,
    );
  }
  const written = store.bytesPut;
  const { puts } = store;
  const { mergedBytesPut } = engine.stats();
  for (const { name } of streams) await runtime.until(engine.streams.delete(BASIN, name).catch(() => undefined));
  await runtime.until(engine.basins.delete(BASIN));
  await runtime.advance(HOUR_MS);
  const left = await storeStats({ runtime, view: store });
  await runtime.until(engine.close());
  return {
    "appended GiB": appendedBytes / GIB,
    "write amplification": written / appendedBytes,
    "of it merges": mergedBytesPut / appendedBytes,
    "space amplification, mean of the hours": spaces.reduce((sum, each) => sum + each, 0) / spaces.length,
    "space amplification, worst hour": Math.max(...spaces),
    "puts / GiB": puts / (appendedBytes / GIB),
    "objects at most": peakObjects,
    "objects an hour after everything was deleted": left.total.count,
    "of them of the log, not flushed yet": left.objects.log.count,
    "of them segments": left.objects.segments.count,
    "MiB an hour after everything was deleted": left.total.bytes / MIB,
  };
}

interface Driven {
  readonly kind: (typeof KINDS)[number];
  readonly name: string;
  bornMs: number;
  tail: number;
}

/** Trims and deletes what has its time. */
async function lookAfter(streams: readonly Driven[], nowMs: number): Promise<void> {
  for (const stream of streams) {
    const { kind, name } = stream;
    if ("keeps" in kind && stream.tail % kind.keeps === kind.keeps - 1)
      await runtime.until(engine.append(BASIN, name, trim(stream.tail - kind.keeps), { config: {} }));
    if ("livesMs" in kind && nowMs - stream.bornMs > kind.livesMs * (0.5 + runtime.random.fraction())) {
      await runtime.until(engine.streams.delete(BASIN, name));
      stream.bornMs = nowMs;
      stream.tail = 0;
      await runtime.advance(TICK_MS);
      await runtime.until(again(name));
    }
  }
}

/** Founds a stream anew, once its name is free. */
async function again(name: string): Promise<void> {
  for (;;) {
    try {
      await engine.streams.ensure(BASIN, name, { retentionAgeSecs: "infinite" });
      return;
    } catch {
      // It is still being deleted.
      await new Promise<void>((resolve) => runtime.timers.set(TICK_MS, () => resolve()));
    }
  }
}

function input(body: Buffer, header?: string): AppendInput {
  const headers = header === undefined ? {} : { headers: [["", Buffer.from(header).toString("base64")]] };
  return parseAppendInputJson(
    Buffer.from(JSON.stringify({ records: [{ body: body.toString("base64"), ...headers }] })),
    "base64",
  );
}

function trim(seqNum: number): AppendInput {
  const body = Buffer.alloc(8);
  body.writeBigUInt64BE(BigInt(Math.max(0, seqNum)));
  return input(body, "trim");
}
