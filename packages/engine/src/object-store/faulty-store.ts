// Another store with faults in front of it, for tests and simulation: slow, failing before or after the effect, lost replies,
// effects that come late. Decides nothing by itself: a hook says what befalls each operation.
import type { Milliseconds, Runtime } from "../runtime/runtime.ts";
import type { RequestKind } from "./counting-store.ts";
import { type DeletedMany, type ObjectStore, ObjectStoreError, type ObjectStoreErrorKind } from "./object-store.ts";

export interface StoreOperation {
  readonly kind: RequestKind;
  /** The prefix, for a list; the first key, for many. */
  readonly key: string;
  /** Counts the operations of this store, from 0. */
  readonly index: number;
}

/** What befalls an operation, in the order of the fields. */
export interface Fault {
  /** Answer with this error at once; what is below still happens, and nobody hears of it. A lost reply or a late effect. */
  readonly answerEarly?: ObjectStoreErrorKind;
  readonly delayBeforeMs?: Milliseconds;
  /** Hangs until this resolves. */
  readonly holdBefore?: Promise<void>;
  /** Fail without effect. */
  readonly failBefore?: ObjectStoreErrorKind;
  /** Of many deletes only so many take effect, and the others are refused. */
  readonly onlyFirst?: number;
  readonly delayAfterMs?: Milliseconds;
  readonly holdAfter?: Promise<void>;
  /** Fail although it took effect. */
  readonly failAfter?: ObjectStoreErrorKind;
}

/** Undefined: nothing befalls it. */
export type FaultHook = (operation: StoreOperation) => Fault | undefined;

export class FaultyStore implements ObjectStore {
  readonly #store: ObjectStore;
  readonly #runtime: Runtime;
  /** May be exchanged at any time. */
  hook: FaultHook;
  #operations = 0;

  constructor(store: ObjectStore, runtime: Runtime, hook: FaultHook = () => undefined) {
    this.#store = store;
    this.#runtime = runtime;
    this.hook = hook;
  }

  get description(): string {
    return this.#store.description;
  }

  get exclusive(): boolean {
    return this.#store.exclusive;
  }

  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#putWith("putIfAbsent", key, parts);
  }

  put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#putWith("put", key, parts);
  }

  get(key: string): Promise<Uint8Array> {
    return this.#run("get", key, this.#fault("get", key), () => this.#store.get(key));
  }

  getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    const fault = this.#fault("getRange", key);
    return this.#run("getRange", key, fault, () => this.#store.getRange(key, offset, length));
  }

  list(prefix: string, after?: string): Promise<string[]> {
    return this.#run("list", prefix, this.#fault("list", prefix), () => this.#store.list(prefix, after));
  }

  delete(key: string): Promise<void> {
    return this.#run("delete", key, this.#fault("delete", key), () => this.#store.delete(key));
  }

  deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    const [key = ""] = keys;
    const fault = this.#fault("deleteMany", key);
    const taken = keys.slice(0, fault?.onlyFirst);
    return this.#run("deleteMany", key, fault, async () => {
      const { undeleted, requests } = await this.#store.deleteMany(taken);
      const refused = keys
        .slice(taken.length)
        .map((key) => ({ key, error: injected("unavailable", "deleteMany", key) }));
      return { undeleted: [...undeleted, ...refused], requests };
    });
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  #putWith(kind: "put" | "putIfAbsent", key: string, parts: readonly Uint8Array[]): Promise<void> {
    const fault = this.#fault(kind, key);
    // The caller may reuse its buffers once it has an answer, and a late effect comes after that.
    const kept = fault?.answerEarly === undefined ? parts : [Buffer.concat(parts)];
    return this.#run(kind, key, fault, () => this.#store[kind](key, kept));
  }

  #fault(kind: RequestKind, key: string): Fault | undefined {
    return this.hook({ kind, key, index: this.#operations++ });
  }

  #run<T>(kind: RequestKind, key: string, fault: Fault | undefined, effect: () => Promise<T>): Promise<T> {
    if (fault === undefined) return effect();
    const outcome = this.#runSlowly(kind, key, fault, effect);
    if (fault.answerEarly === undefined) return outcome;
    outcome.catch(() => undefined); // Its answer was given already.
    return Promise.reject(injected(fault.answerEarly, kind, key));
  }

  async #runSlowly<T>(kind: RequestKind, key: string, fault: Fault, effect: () => Promise<T>): Promise<T> {
    if (fault.delayBeforeMs !== undefined) await this.#sleep(fault.delayBeforeMs);
    if (fault.holdBefore !== undefined) await fault.holdBefore;
    if (fault.failBefore !== undefined) throw injected(fault.failBefore, kind, key);
    let result: T;
    try {
      result = await effect();
    } finally {
      // Bad news travels as slowly as good news.
      if (fault.delayAfterMs !== undefined) await this.#sleep(fault.delayAfterMs);
      if (fault.holdAfter !== undefined) await fault.holdAfter;
    }
    if (fault.failAfter !== undefined) throw injected(fault.failAfter, kind, key);
    return result;
  }

  #sleep(delayMs: Milliseconds): Promise<void> {
    return new Promise((resolve) => this.#runtime.timers.set(delayMs, resolve));
  }
}

function injected(kind: ObjectStoreErrorKind, operation: RequestKind, key: string): ObjectStoreError {
  return new ObjectStoreError(kind, `injected into ${operation} ${key}: ${kind}`);
}
