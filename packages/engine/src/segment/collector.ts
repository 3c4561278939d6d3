// Deleting what no manifest in force names any more: chunks before the log's start, manifest versions that are no markers, segments in whose place others
// stand, and segments whose writers died or were deposed before their manifest was in. What may go and why: docs/protocol.md. A delete that fails is made
// up for later.

import { FLUSH_QUIET_MS, MAX_COLLECT_DELAY_MS } from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import { MAX_DELETE_KEYS, type ObjectStore, ObjectStoreError } from "../object-store/index.ts";
import type { Runtime, TimerHandle } from "../runtime/index.ts";
import {
  epochOfSegmentKey,
  manifestKey,
  numberOfKey,
  segmentKey,
  segmentPrefix,
  walKey,
  walPrefix,
} from "../shard/keys.ts";
import type { Manifest } from "../shard/manifest.ts";
import { listAll } from "../shard/retry.ts";

export interface CollectorOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly logger: EngineLogger;
  readonly shard: number;
  /** The marker of this owner's epoch. */
  readonly manifest: Manifest;
  /** Whether something was written to the log a moment ago. */
  readonly isBusy: () => boolean;
}

export class Collector {
  readonly #options: CollectorOptions;
  #manifest: Manifest;
  /** Segments of older epochs that were there before the newest manifest was seen newest; undefined before they were listed. */
  #orphans: readonly string[] | undefined;
  #orphansDone = false;
  /** Places before these may go, and when, in this order: readers may be getting them. Each keeps its time, however soon another follows. */
  #places: { readonly place: number; readonly atMs: number }[] = [];
  /** Segments that may go, and when, in this order; those that were not deleted then wait for the next that are. */
  #segments: { readonly key: string; readonly atMs: number }[] = [];
  #undeleted: string[] = [];
  #timer: TimerHandle | undefined;
  #working = false;
  #stopped = false;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#manifest = options.manifest;
  }

  /** To be called before the owner's first manifest is put. */
  async listOrphans(): Promise<void> {
    if (this.#orphans !== undefined || this.#orphansDone) return;
    const { store, shard } = this.#options;
    try {
      const keys = await listAll(store, segmentPrefix(shard));
      const { manifest } = this.#options;
      // What was named when this epoch began may still be read, also when this owner has put others in its place.
      const named = this.#keysOf(manifest);
      this.#orphans = keys.filter(
        (key) => (epochOfSegmentKey(key) ?? manifest.epoch) < manifest.epoch && !named.has(key),
      );
    } catch (error) {
      // Then with the next flush.
      if (!(error instanceof ObjectStoreError)) throw error;
    }
  }

  /** A version of this owner's is in and was seen newest, among these. */
  confirmed(manifest: Manifest, versions: readonly number[]): void {
    const { shard } = this.#options;
    this.#manifest = manifest;
    const old = versions.filter((version) => version < manifest.version && !manifest.markers.includes(version));
    void this.#delete(old.map((version) => manifestKey(shard, version)));
    if (this.#orphans === undefined) return;
    const live = this.#keysOf(manifest);
    const orphans = this.#orphans.filter((key) => !live.has(key));
    this.#orphans = undefined;
    this.#orphansDone = true;
    if (orphans.length > 0) this.#options.runtime.branches.reached("orphan-collected");
    void this.#delete(orphans);
  }

  #keysOf({ segments }: Manifest): ReadonlySet<string> {
    const { shard } = this.#options;
    return new Set(segments.map(({ epoch, incarnation, number }) => segmentKey(shard, epoch, incarnation, number)));
  }

  /** No reader begins a get of what stands before `place` from now on. */
  collectBefore(place: number, atMs: number): void {
    this.#places.push({ place, atMs });
    this.#arm();
  }

  /** No reader begins a get of these segments from now on, and the manifest in force does without them. */
  collectSegments(keys: readonly string[], atMs: number): void {
    for (const key of keys) this.#segments.push({ key, atMs });
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== undefined) this.#options.runtime.timers.clear(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const atMs = Math.min(
      this.#places[0]?.atMs ?? Number.POSITIVE_INFINITY,
      this.#segments[0]?.atMs ?? Number.POSITIVE_INFINITY,
    );
    if (this.#timer !== undefined || this.#working || this.#stopped || atMs === Number.POSITIVE_INFINITY) return;
    const { runtime, isBusy } = this.#options;
    const { clock, timers } = runtime;
    const whenDue = () => {
      const waits = isBusy() && clock.monotonicMs() < atMs + MAX_COLLECT_DELAY_MS;
      this.#timer = waits ? timers.set(FLUSH_QUIET_MS, whenDue) : undefined;
      if (!waits) void this.#collect(clock.monotonicMs());
    };
    this.#timer = timers.set(Math.max(0, atMs - clock.monotonicMs()), whenDue);
  }

  /** All that is due. */
  async #collect(nowMs: number): Promise<void> {
    this.#working = true;
    try {
      const before = this.#places.findLast(({ atMs }) => atMs <= nowMs);
      if (before !== undefined) {
        this.#places = this.#places.filter(({ atMs }) => atMs > nowMs);
        await this.#collectLog(before.place);
      }
      const due = this.#segments.filter(({ atMs }) => atMs <= nowMs).map(({ key }) => key);
      if (due.length > 0) {
        this.#segments = this.#segments.filter(({ atMs }) => atMs > nowMs);
        this.#undeleted = await this.#delete([...this.#undeleted, ...due]);
        this.#options.runtime.branches.reached("segments-collected");
      }
    } finally {
      this.#working = false;
    }
    this.#arm();
  }

  async #collectLog(place: number): Promise<void> {
    const { runtime, store, shard } = this.#options;
    try {
      const fences = new Set(this.#manifest.fences);
      const keys = await listAll(store, walPrefix(shard), walKey(shard, place));
      await this.#delete(keys.filter((key) => !fences.has(numberOfKey(key) ?? Number.NaN)));
      runtime.branches.reached("log-collected");
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
    }
  }

  /** Answers those that may still be there. */
  async #delete(keys: readonly string[]): Promise<string[]> {
    const { runtime, store, logger } = this.#options;
    const left: string[] = [];
    for (let at = 0; at < keys.length && !this.#stopped; at += MAX_DELETE_KEYS) {
      const some = keys.slice(at, at + MAX_DELETE_KEYS);
      const failed = (key: string, error: ObjectStoreError) => {
        runtime.branches.reached("delete-failed");
        logger.warn({ key, error: error.message }, "an object that is not needed any more was not deleted");
      };
      try {
        const { undeleted } = await store.deleteMany(some);
        for (const { key, error } of undeleted) {
          failed(key, error);
          left.push(key);
        }
      } catch (error) {
        if (!(error instanceof ObjectStoreError)) throw error;
        failed(some[0], error);
        left.push(...some);
      }
    }
    return left;
  }
}
