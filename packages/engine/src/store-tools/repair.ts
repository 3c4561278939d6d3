// `tailrace store repair --discard-from`: cuts a damaged log off at a place, for good, by an operator's choice. Whoever sleeps must not be able to
// go on behind the cut: every place in which an owner may still put something gets a fence, which is never collected, before the log is led past.
import { SILENT_LOGGER } from "../logger.ts";
import { type ObjectStore, ObjectStoreError, type StoreView } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import {
  CHUNK_HEADER_BYTES,
  decodeLogObjectHeader,
  encodeLogObjectHeader,
  INCARNATION_BYTES,
  type LogObjectHeader,
} from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { manifestKey, walKey } from "../shard/keys.ts";
import { encodeManifest, type Manifest, NO_MANIFEST, newestManifestVersion } from "../shard/manifest.ts";
import { putOwn } from "../shard/put-own.ts";
import { retriedReads } from "../shard/retry.ts";
import { overwrite } from "./overwrite.ts";
import { planRepair, RepairError, type RepairPlan } from "./plan-repair.ts";
import { eachOf } from "./pool.ts";

/** Times that somebody else may change the store meanwhile. */
const MAX_ATTEMPTS = 10;
const CONCURRENT_READS = 16;
const SHARD = 0;

export interface RepairOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  /** Of the same store. */
  readonly view: StoreView;
  readonly fromPlace: number;
}

export interface RepairReport {
  /** What was lost. */
  readonly plan: RepairPlan;
  readonly epoch: number;
  readonly manifestVersion: number;
  /** Where the log goes on. */
  readonly nextPlace: number;
  /** Fences that were put, the one at the cut included. */
  readonly fences: number;
}

/** Errors: RepairError, SurveyError, DeploymentError, ObjectStoreError. */
export async function repair(options: RepairOptions): Promise<RepairReport> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const report = await new Attempt(options, await planRepair(options)).run();
    if (report !== undefined) return report;
  }
  throw new RepairError(`others keep taking the shard over: stop whoever serves ${options.store.description}`);
}

class Attempt {
  readonly #options: RepairOptions;
  readonly #plan: RepairPlan;
  readonly #incarnation: Uint8Array;
  #epoch: number;
  /** Places of fences behind the cut, whoever put them. */
  readonly #fences = new Set<number>();
  #put = 0;

  constructor(options: RepairOptions, plan: RepairPlan) {
    this.#options = options;
    this.#plan = plan;
    this.#incarnation = options.runtime.random.bytes(INCARNATION_BYTES);
    this.#epoch = plan.epoch + 1;
  }

  /** Undefined when the store has changed hands meanwhile. */
  async run(): Promise<RepairReport | undefined> {
    const { fromPlace, window } = this.#plan;
    const headers = await this.#headers();
    for (const header of headers.values()) this.#epoch = Math.max(this.#epoch, (header?.epoch ?? 0) + 1);
    const last = await this.#fenceEmptyPlaces();
    for (const [place, header] of headers) {
      if (header?.kind === "fence") this.#fences.add(place);
      // What nobody can read may be a fence.
      else if (header === undefined && place !== fromPlace) await this.#replace(place, place + window);
    }
    const version = await this.#mark();
    if (version === undefined) return undefined;
    // From here on the log is whole again, and leads past all that.
    const nextPlace = last + window + 1;
    await this.#replace(fromPlace, nextPlace);
    return { plan: this.#plan, epoch: this.#epoch, manifestVersion: version, nextPlace, fences: this.#put };
  }

  /** Of what stands behind the cut; undefined where it cannot be read. */
  async #headers(): Promise<Map<number, LogObjectHeader | undefined>> {
    const reads = retriedReads(this.#options.view, this.#options.runtime);
    const headers = new Map<number, LogObjectHeader | undefined>();
    await eachOf(this.#plan.places, CONCURRENT_READS, async (place) => {
      const key = walKey(SHARD, place);
      try {
        headers.set(place, decodeLogObjectHeader(key, place, await reads.getRange(key, 0, CHUNK_HEADER_BYTES)));
      } catch (error) {
        const isGone = error instanceof ObjectStoreError && error.kind === "absent";
        if (!isGone && !(error instanceof CorruptObjectError)) throw error;
        headers.set(place, undefined);
      }
    });
    return headers;
  }

  /**
   * Puts a fence into every empty place behind the cut, one after the other, until a whole window stands behind the last object of anybody else: an
   * owner sends nothing at or beyond its first unacknowledged place + window. Answers where that last object stands.
   */
  async #fenceEmptyPlaces(): Promise<number> {
    const { fromPlace, window, places } = this.#plan;
    const there = new Set(places);
    let last = Math.max(fromPlace, places.at(-1) ?? fromPlace);
    for (let place = fromPlace + 1; place <= last + window; place += 1) {
      if (there.has(place)) continue;
      if (
        await putOwn(
          { ...this.#options, logger: SILENT_LOGGER },
          walKey(SHARD, place),
          this.#fence(place, place + window),
        )
      ) {
        this.#fences.add(place);
        this.#put += 1;
      } else last = Math.max(last, place);
    }
    return last;
  }

  /** Puts the marker of the epoch, with all fences, and sees it newest. Undefined when somebody else's manifest is. */
  async #mark(): Promise<number | undefined> {
    const { manifest = { ...NO_MANIFEST, predecessor: null, incarnation: "" }, fromPlace, fencesBefore } = this.#plan;
    const version = manifest.version + 1;
    const fences = new Set([...manifest.fences, ...fencesBefore, fromPlace, ...this.#fences]);
    const marker: Manifest = {
      ...manifest,
      version,
      predecessor: manifest.version < 0 ? null : manifest.version,
      epoch: this.#epoch,
      incarnation: Buffer.from(this.#incarnation).toString("hex"),
      fences: [...fences].toSorted((a, b) => a - b),
      markers: [...manifest.markers, version],
    };
    const isIn = await putOwn(
      { ...this.#options, logger: SILENT_LOGGER },
      manifestKey(SHARD, version),
      encodeManifest(marker),
    );
    if (!isIn) return undefined;
    const newest = await newestManifestVersion(retriedReads(this.#options.view, this.#options.runtime), SHARD);
    return newest === version ? version : undefined;
  }

  /** Puts a fence in place of whatever stands there. */
  async #replace(place: number, nextPlace: number): Promise<void> {
    await overwrite(this.#options, walKey(SHARD, place), this.#fence(place, nextPlace));
    this.#fences.add(place);
    this.#put += 1;
  }

  #fence(place: number, nextPlace: number): Uint8Array {
    return encodeLogObjectHeader({
      kind: "fence",
      place,
      epoch: this.#epoch,
      incarnation: this.#incarnation,
      nextPlace,
      entryCount: 0,
      contentBytes: 0,
      contentCrc: 0,
    });
  }
}
