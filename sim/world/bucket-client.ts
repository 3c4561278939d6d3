// One process's way to the bucket: the ObjectStore that the engine is given. Requests are slow, refused, lost, answered late or
// never, take effect after their sender has given up or died: as the weather has it. Never invents an effect or an object.
import {
  type DeletedMany,
  type ListedObject,
  type ObjectStore,
  ObjectStoreError,
  type ObjectStoreErrorKind,
  type StoreView,
  type UndeletedObject,
} from "@tailrace/engine/object-store";
import type { Bucket } from "./bucket.ts";
import type { Chance } from "./chance.ts";
import type { CollectionWatch } from "./collection-watch.ts";
import type { LogWatch } from "./log-watch.ts";
import type { QuotaWatch } from "./quota-watch.ts";
import type { Lane, Scheduler } from "./scheduler.ts";
import { WEATHERS, type Weather } from "./weather.ts";

/** After this without an answer a client gives up. */
const REQUEST_TIMEOUT_MS = 5_000;
/** A connection that breaks is noticed within this. */
const BREAK_NOTICED_MS = 300;
/** How late a late put comes: mostly after its sender has given up, sometimes after several owners. */
const LATE_MIN_MS = 1_000;
const LATE_MAX_MS = 60_000;
/** How long a stalled request takes one way. */
const STALL_MIN_MS = 500;
const STALL_MAX_MS = 4_000;

/** How often a delete of many keeps one of them where the store has troubles, and how often it gets no further than somewhere in the middle. */
const KEPT_OF_MANY = 0.05;
const CUT_SHORT = 0.2;

type Kind = "put" | "putIfAbsent" | "get" | "getRange" | "list" | "delete" | "deleteMany";

/** What the world says when a put's bytes are not the same when they arrive. */
export type OnViolation = (what: string) => void;

export interface BucketClientOptions {
  readonly bucket: Bucket;
  /** Whether it is a disk to this client. Default: as the bucket is. */
  readonly exclusive?: boolean;
  readonly scheduler: Scheduler;
  /** The process's. */
  readonly lane: Lane;
  readonly chance: Chance;
  readonly weather: () => Weather;
  readonly watch: LogWatch;
  readonly collection: CollectionWatch;
  readonly quota: QuotaWatch;
  readonly onViolation: OnViolation;
}

export class BucketClient implements ObjectStore, StoreView {
  readonly description = "sim:";
  readonly exclusive: boolean;
  readonly #options: BucketClientOptions;
  #underWay = 0;
  #lastPutMs = 0;
  #lastRequestMs = 0;
  #flushes = 0;
  #manifests = 0;
  /** Ranged gets that have no answer yet, by key. */
  readonly #reading = new Map<string, number>();

  constructor(options: BucketClientOptions) {
    this.#options = options;
    this.exclusive = options.exclusive ?? options.bucket.exclusive;
  }

  /** Requests that have no answer yet. */
  get underWay(): number {
    return this.#underWay;
  }

  /** When anything was asked last. */
  get lastRequestMs(): number {
    return this.#lastRequestMs;
  }

  /** When something was put last, or tried to. */
  get lastPutMs(): number {
    return this.#lastPutMs;
  }

  /** Segments that were put, or tried to. */
  get flushes(): number {
    return this.#flushes;
  }

  /** Versions of the manifest that were put, or tried to. */
  get manifests(): number {
    return this.#manifests;
  }

  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    const { bucket, lane, watch, collection, quota, scheduler } = this.#options;
    if (key.includes("/segments/")) this.#flushes += 1;
    if (key.includes("/manifest/")) this.#manifests += 1;
    return this.#put("putIfAbsent", key, parts, (bytes) => {
      if (!bucket.putIfAbsent(key, bytes)) throw new ObjectStoreError("exists", `an object is there: ${key}`);
      watch.landed(lane, key);
      collection.landed(lane, key, bytes);
      if (key.includes("/wal/")) quota.landed(lane, bytes, scheduler.nowMs);
    });
  }

  put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#put("put", key, parts, (bytes) => this.#options.bucket.put(key, bytes));
  }

  #put(kind: Kind, key: string, parts: readonly Uint8Array[], effect: (bytes: Uint8Array) => void): Promise<void> {
    const bytes = Buffer.concat(parts);
    const { lane, scheduler, watch } = this.#options;
    this.#lastPutMs = scheduler.nowMs;
    watch.offered(lane, key, bytes, scheduler.nowMs);
    return this.#request(kind, key, (givenUp) => {
      if (!givenUp && Buffer.compare(bytes, Buffer.concat(parts)) !== 0)
        this.#options.onViolation(`the bytes of ${key} changed while they were being put`);
      effect(bytes);
    });
  }

  get(key: string): Promise<Uint8Array> {
    return this.#request("get", key, () => this.#object(key));
  }

  getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    this.#reading.set(key, (this.#reading.get(key) ?? 0) + 1);
    return this.#request("getRange", key, () => this.#object(key).slice(offset, offset + length)).finally(() => {
      const others = (this.#reading.get(key) ?? 0) - 1;
      if (others > 0) this.#reading.set(key, others);
      else this.#reading.delete(key);
    });
  }

  #object(key: string): Uint8Array {
    const bytes = this.#options.bucket.get(key);
    if (bytes === undefined) throw new ObjectStoreError("absent", `no such object: ${key}`);
    // A copy: what the engine does with it must not reach into the bucket.
    return Buffer.from(bytes);
  }

  list(prefix: string, after = ""): Promise<string[]> {
    return this.#request("list", prefix, () => this.#options.bucket.list(prefix, after));
  }

  listObjects(prefix: string, after = ""): Promise<ListedObject[]> {
    const { bucket } = this.#options;
    return this.#request("list", prefix, () =>
      bucket.list(prefix, after).map((key) => ({ key, bytes: bucket.get(key)?.length ?? 0 })),
    );
  }

  delete(key: string): Promise<void> {
    return this.#request("delete", key, () => this.#delete(key));
  }

  deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    const { chance } = this.#options;
    const [first = ""] = keys;
    const isCalm = befalling(this.#options.weather(), "deleteMany", first) === WEATHERS.calm;
    return this.#request("deleteMany", first, () => {
      const end = !isCalm && chance.happens(CUT_SHORT) ? chance.between(0, keys.length) : keys.length;
      const undeleted: UndeletedObject[] = [];
      for (const key of keys.slice(0, end)) {
        if (!isCalm && chance.happens(KEPT_OF_MANY)) {
          undeleted.push({ key, error: new ObjectStoreError("ambiguous", `deleteMany ${key}: an internal error`) });
          continue;
        }
        this.#delete(key);
      }
      if (end < keys.length) throw new ObjectStoreError("ambiguous", "deleteMany: the server gave up in the middle");
      return { undeleted, requests: 1 };
    });
  }

  #delete(key: string): void {
    const { bucket, lane, collection, onViolation } = this.#options;
    collection.deletes(lane, key);
    if (this.#reading.has(key)) onViolation(`${lane.name} deletes ${key}, which it is reading`);
    bucket.delete(key);
  }

  async close(): Promise<void> {
    const { bucket, lane } = this.#options;
    if (bucket.holder === lane) bucket.holder = undefined;
  }

  /** `effect` happens in the bucket, once, or never; it throws the errors that are facts. */
  #request<T>(kind: Kind, key: string, effect: (givenUp: boolean) => T): Promise<T> {
    const { scheduler, lane, bucket, chance, exclusive } = { ...this.#options, exclusive: this.exclusive };
    const weather = befalling(this.#options.weather(), kind, key);
    const writes = kind !== "get" && kind !== "getRange" && kind !== "list";
    const lost: ObjectStoreErrorKind = writes ? "ambiguous" : "unavailable";
    scheduler.note(lane, `${kind} ${key}`);
    this.#underWay += 1;
    this.#lastRequestMs = scheduler.nowMs;
    return new Promise((resolve, reject) => {
      let settled = false;
      const settle = (outcome: string, act: () => void) => {
        if (settled) return;
        settled = true;
        this.#underWay -= 1;
        if (timeout !== undefined) scheduler.cancel(timeout);
        scheduler.note(lane, `${kind} ${key}: ${outcome}`);
        act();
      };
      const fail = (kindOfError: ObjectStoreErrorKind, why: string) =>
        settle(kindOfError, () => reject(new ObjectStoreError(kindOfError, `${kind} ${key}: ${why}`)));
      const failLater = (delayMs: number, kindOfError: ObjectStoreErrorKind, why: string) =>
        scheduler.after(delayMs, lane, "answer", () => fail(kindOfError, why));
      // A disk has no time-out: a call that hangs, hangs until it is through.
      const timeout = exclusive
        ? undefined
        : scheduler.after(REQUEST_TIMEOUT_MS, lane, "store time-out", () => fail(lost, "no answer in time"), true);

      const stalled = chance.happens(weather.stalled);
      const wayMs = () => (stalled ? chance.between(STALL_MIN_MS, STALL_MAX_MS) : chance.delayMs(weather.latencyMs));
      if (chance.happens(weather.denied)) {
        failLater(wayMs(), "denied", "credentials are refused");
        return;
      }
      if (chance.happens(weather.refused)) {
        failLater(wayMs(), "unavailable", "slow down");
        return;
      }
      if (weather.full && (kind === "put" || kind === "putIfAbsent")) {
        failLater(wayMs(), "full", "no space is left");
        return;
      }
      if (chance.happens(weather.requestLost)) {
        // Noticed at once where nobody listens, by the time-out where packets vanish.
        if (exclusive || chance.happens(0.5))
          failLater(chance.between(1, BREAK_NOTICED_MS), chance.happens(0.5) ? "unavailable" : lost, "no connection");
        return;
      }
      const isLate = writes && !exclusive && chance.happens(weather.late);
      const answerLost = chance.happens(weather.answerLost);
      const noticed = isLate || answerLost ? exclusive || chance.happens(0.5) : false;
      const outMs = isLate ? chance.between(LATE_MIN_MS, LATE_MAX_MS) : wayMs();
      const backMs = wayMs();
      if (isLate && noticed) failLater(chance.between(1, BREAK_NOTICED_MS), lost, "the connection broke");
      scheduler.after(outMs, bucket.lane, `${kind} from ${lane.name}`, () => {
        // What a dead process had asked its kernel for is over before its lock is.
        if (exclusive && lane.state === "dead") return;
        bucket.requests += 1;
        let answer: () => void;
        try {
          const result = effect(settled);
          answer = () => settle("done", () => resolve(result));
        } catch (error) {
          if (!(error instanceof ObjectStoreError)) throw error;
          answer = () => settle(error.kind, () => reject(error));
        }
        if (!answerLost) scheduler.after(backMs, lane, "answer", answer);
        else if (noticed) failLater(chance.between(1, BREAK_NOTICED_MS), lost, "the connection broke");
      });
    });
  }
}

/** The weather of a request: calm where another part of the store has troubles. */
function befalling(weather: Weather, kind: Kind, key: string): Weather {
  return isAbout(weather, kind, key.includes("/wal/")) ? weather : WEATHERS.calm;
}

function isAbout({ about }: Weather, kind: Kind, isLog: boolean): boolean {
  switch (about) {
    case "everything":
      return true;
    case "the log":
      return isLog;
    case "all but the log":
      return !isLog;
    case "puts to the log":
      return isLog && kind === "putIfAbsent";
    case "ranged gets":
      return kind === "getRange";
  }
}
