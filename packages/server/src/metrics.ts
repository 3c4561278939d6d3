// What Prometheus scrapes: counters of the engine as they stand, histograms of appends, and the process.
import type { EngineStats } from "@tailrace/engine";
import { type BranchCounts, RARE_BRANCHES } from "@tailrace/engine/runtime";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";

/** What an object store counts of itself. */
export interface StoreMeter {
  /** Requests so far, by kind. */
  readonly counts: Readonly<Record<string, number>>;
  /** To be called when a put has ended, well or not, with its milliseconds. */
  onPut?: ((durationMs: number, kind: "put" | "putIfAbsent", succeeded: boolean) => void) | undefined;
  /** Of gets that were asked for twice; absent where none ever are. */
  readonly hedges?: { readonly hedged: number; readonly won: number } | undefined;
  /** Of the cache on the disk; absent where there is none. */
  readonly diskCache?:
    | {
        readonly bytes: number;
        readonly counts: Readonly<Record<"hits" | "misses" | "damaged" | "unkept" | "evicted", number>>;
      }
    | undefined;
}

const LATENCY_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

export class Metrics {
  readonly #registry = new Registry();
  readonly appendAckSeconds: Histogram;
  readonly appendBatchRecords: Histogram;
  readonly appendBatchBytes: Histogram;

  /** Open sessions, by what they do: `append` or `read`. */
  readonly sessions: Gauge<"kind">;

  /** `ofProcess`: whether to collect what Node tells of the process that it runs in. */
  constructor(stats: () => EngineStats, store: StoreMeter, branches: BranchCounts, ofProcess = true) {
    const registers = [this.#registry];
    if (ofProcess) collectDefaultMetrics({ register: this.#registry });
    this.appendAckSeconds = new Histogram({
      name: "s2_append_ack_latency_seconds",
      help: "From an append's arrival to its acknowledgement.",
      buckets: LATENCY_SECONDS,
      registers,
    });
    this.appendBatchRecords = new Histogram({
      name: "s2_append_batch_records",
      help: "Records in a batch.",
      buckets: [1, 10, 50, 100, 250, 500, 1000],
      registers,
    });
    this.appendBatchBytes = new Histogram({
      name: "s2_append_batch_bytes",
      help: "Metered bytes of a batch.",
      buckets: [512, 1024, 4096, 16384, 65536, 262144, 1048576],
      registers,
    });
    for (const [name, help, read] of gauges) {
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(read(stats()));
        },
      });
    }
    new Counter({
      name: "tailrace_object_store_requests_total",
      help: "Requests to the object store, by kind.",
      labelNames: ["kind"],
      registers,
      collect() {
        this.reset();
        for (const [kind, count] of Object.entries(store.counts)) this.inc({ kind }, count);
      },
    });
    const putSeconds = new Histogram({
      name: "tailrace_object_store_put_seconds",
      help: "How long puts to the object store took.",
      labelNames: ["result"],
      buckets: LATENCY_SECONDS,
      registers,
    });
    store.onPut = (durationMs, _kind, succeeded) =>
      putSeconds.observe({ result: succeeded ? "ok" : "error" }, durationMs / 1000);
    const { hedges, diskCache } = store;
    if (hedges !== undefined)
      new Counter({
        name: "tailrace_object_store_hedges_total",
        help: "Ranged gets that took long and were asked for a second time, by which answer came first.",
        labelNames: ["first"],
        registers,
        collect() {
          this.reset();
          this.inc({ first: "second" }, hedges.won);
          this.inc({ first: "original" }, hedges.hedged - hedges.won);
        },
      });
    if (diskCache !== undefined) {
      new Counter({
        name: "tailrace_disk_cache_blocks_total",
        help: "Blocks of objects that the cache on the disk was asked for or given, by what became of it.",
        labelNames: ["outcome"],
        registers,
        collect() {
          this.reset();
          for (const [outcome, count] of Object.entries(diskCache.counts)) this.inc({ outcome }, count);
        },
      });
      new Gauge({
        name: "tailrace_disk_cache_bytes",
        help: "Bytes of the cache on the disk.",
        registers,
        collect() {
          this.set(diskCache.bytes);
        },
      });
    }
    this.sessions = new Gauge({
      name: "tailrace_sessions",
      help: "Open sessions, by what they do.",
      labelNames: ["kind"],
      registers,
    });
    new Counter({
      name: "tailrace_rare_branches_total",
      help: "How often the rare branches of the engine's protocols were taken: retries, takeovers, renewals, refusals.",
      labelNames: ["branch"],
      registers,
      collect() {
        this.reset();
        for (const branch of RARE_BRANCHES) this.inc({ branch }, branches.count(branch));
      },
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }
}

const gauges: readonly (readonly [string, string, (stats: EngineStats) => number])[] = [
  ["tailrace_in_flight_append_bytes", "Bytes accepted and not yet durable.", (stats) => stats.inFlightAppendBytes],
  ["tailrace_waiting_append_bytes", "Bytes of appends that wait to be accepted.", (stats) => stats.waitingAppendBytes],
  ["tailrace_cached_bytes", "Bytes of records in memory.", (stats) => stats.cachedBytes],
  ["tailrace_streams", "Streams.", (stats) => stats.streams],
  ["tailrace_streams_in_memory", "Streams that are in memory.", (stats) => stats.streamsInMemory],
  ["tailrace_basins", "Basins.", (stats) => stats.basins],
  ["tailrace_readers", "Open reads.", (stats) => stats.activeReaders],
  ["tailrace_chunks_put", "Chunks put since the start.", (stats) => stats.chunksPut],
  ["tailrace_chunk_bytes_put", "Bytes of chunks put since the start.", (stats) => stats.chunkBytesPut],
  ["tailrace_segments", "Live segments.", (stats) => stats.segments],
  ["tailrace_segments_put", "Segments put since the start.", (stats) => stats.segmentsPut],
  ["tailrace_segment_bytes_put", "Bytes of segments put since the start.", (stats) => stats.segmentBytesPut],
  ["tailrace_merges", "Merges of segments since the start.", (stats) => stats.merges],
  ["tailrace_merged_bytes_put", "Bytes of merged segments put since the start.", (stats) => stats.mergedBytesPut],
  ["tailrace_segments_dropped", "Segments dropped unread since the start.", (stats) => stats.segmentsDropped],
  ["tailrace_records_appended", "Records appended since the start.", (stats) => stats.recordsAppended],
  ["tailrace_takeovers", "Times that this process took the shard over.", (stats) => stats.takeovers],
  ["tailrace_epoch", "The epoch of the shard.", (stats) => stats.epoch],
  ["tailrace_history_hits", "Reads of runs served from memory.", (stats) => stats.cacheHits],
  ["tailrace_history_misses", "Reads of runs that went to the object store.", (stats) => stats.cacheMisses],
];
