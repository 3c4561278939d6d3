// Three stores over one simulated stream in virtual time, with clients on all of them, clocks that differ, a bad network, and
// crashes. What the clients saw is a history for each key.
import { SimulatedStream } from "../../../../replica/src/testing/simulated-log.ts";
import { VirtualTime } from "../../../../replica/src/testing/virtual-time.ts";
import { isError, type Reply } from "../../command/reply.ts";
import { Store } from "../store.ts";
import type { Call, KeyOperation } from "./linearizable.ts";

export interface FleetSetup {
  readonly seed: number;
  readonly loss: number;
  /** A planted mistake. */
  readonly mistake?: "skip-barrier" | "early-acknowledgement" | "local-expiry";
}

const REPLICAS = 3;
const CLIENTS = 6;
const OPERATIONS = 14;
const KEYS = ["a", "b", "c"];
/** Clocks are behind or ahead of the log's by up to this. */
const SKEW_MS = 300;
const TTL_MS = 400;
/** Values that are set are so far from each other. */
const SPREAD = 1000;

export class Fleet {
  readonly time: VirtualTime;
  readonly stream: SimulatedStream;
  readonly histories = new Map<string, Call[]>();
  /** Sums of a pair of keys that transactions keep at 0. */
  readonly sums: number[] = [];
  readonly #setup: FleetSetup;
  readonly #stores: (Store | undefined)[] = [];
  readonly #skews: number[];
  #values = 0;

  constructor(setup: FleetSetup) {
    this.#setup = setup;
    this.time = new VirtualTime(setup.seed);
    this.stream = new SimulatedStream(this.time, { delayMs: 20, loss: setup.loss, down: false });
    this.#skews = Array.from({ length: REPLICAS }, () => (this.time.fraction() * 2 - 1) * SKEW_MS);
  }

  /** Everything that clients do, and what goes wrong meanwhile. */
  async run(): Promise<void> {
    await this.time.until(this.#run());
    for (const store of this.#stores) if (store !== undefined) await this.time.until(store.replica.abort());
  }

  async #run(): Promise<void> {
    await Promise.all(this.#skews.map((_, i) => this.#open(i)));
    let over = false;
    const crashing = this.#crash(() => over);
    await Promise.all(Array.from({ length: CLIENTS }, (_, client) => this.#client(client)));
    over = true;
    await crashing;
    this.stream.weather.loss = 0;
    // At the end everybody must see all of it.
    for (const key of KEYS) for (let replica = 0; replica < REPLICAS; replica += 1) await this.#get(key, replica);
  }

  async #open(i: number): Promise<void> {
    while (this.#stores[i] === undefined) {
      try {
        this.#stores[i] = await Store.open({
          log: this.stream.connect(),
          runtime: this.time,
          wallMs: () => Math.max(0, this.time.monotonicMs() + this.#skews[i]),
          proposalTimeoutMs: 5_000,
          readTimeoutMs: 5_000,
        });
      } catch {
        // Again, once the network lets it.
      }
    }
  }

  async #crash(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#pause(this.time.fraction() * 1500);
      const i = Math.floor(this.time.fraction() * REPLICAS);
      const store = this.#stores[i];
      if (this.#setup.loss === 0 || store === undefined) continue;
      if (this.time.fraction() < 0.3) {
        this.stream.weather.down = true;
        this.stream.wakeAll();
        await this.#pause(this.time.fraction() * 1500);
        this.stream.weather.down = false;
      }
      this.#stores[i] = undefined;
      await store.replica.abort();
      await this.#pause(this.time.fraction() * 300);
      await this.#open(i);
    }
  }

  async #client(client: number): Promise<void> {
    for (let n = 0; n < OPERATIONS; n += 1) {
      await this.#pause(this.time.fraction() * 200);
      const replica = (client + Math.floor(this.time.fraction() * 2)) % REPLICAS;
      const key = KEYS[Math.floor(this.time.fraction() * KEYS.length)];
      const choice = this.time.fraction();
      if (choice < 0.4) await this.#get(key, replica);
      else if (choice < 0.55) await this.#set(key, replica, undefined);
      else if (choice < 0.7) await this.#set(key, replica, TTL_MS);
      else if (choice < 0.8) await this.#count(key, replica);
      else if (choice < 0.85) await this.#remove(key, replica);
      else await this.#transfer(replica);
    }
  }

  async #get(key: string, replica: number): Promise<void> {
    const consistency = this.#setup.mistake === "skip-barrier" ? "eventual" : "strong";
    const startMs = this.time.monotonicMs();
    const reply = await this.#ask(replica, async (store) => {
      if (this.#setup.mistake !== "local-expiry") return (await store.run([["GET", key]], consistency))[0];
      // As a replica would that trusts its own clock.
      const wallMs = this.time.monotonicMs() + this.#skews[replica];
      return store.replica.read((keyspace) => {
        const entry = keyspace.get(key);
        return entry === undefined || entry.expiresAtMs <= wallMs ? null : String(entry.value);
      });
    });
    if (reply !== undefined) this.#tell(key, startMs, { kind: "get", result: reply as string | null });
  }

  async #set(key: string, replica: number, ttlMs: number | undefined): Promise<void> {
    // A number, so that it can be counted up without becoming another one's; each one once.
    this.#values += SPREAD;
    const base = this.#values;
    const value = String(base);
    const startMs = this.time.monotonicMs();
    const expiry = ttlMs === undefined ? [] : ["PX", String(ttlMs)];
    const reply = await this.#write(replica, ["SET", key, value, ...expiry]);
    const endMs = this.#tell(key, startMs, { kind: "set", value }, reply === undefined);
    if (ttlMs === undefined) return;
    // By the log's clock; a reader whose own is behind may be shown it for as long as that.
    this.#history(key).push({
      // What it was counted up to keeps its expiry.
      operation: { kind: "expire", ends: (held) => Number(held) >= base && Number(held) < base + SPREAD },
      startMs: Math.floor(startMs) + ttlMs,
      endMs: endMs + ttlMs + SKEW_MS,
    });
  }

  async #count(key: string, replica: number): Promise<void> {
    const startMs = this.time.monotonicMs();
    const reply = await this.#write(replica, ["INCR", key]);
    this.#tell(key, startMs, { kind: "incr", result: reply as number | undefined }, reply === undefined);
  }

  async #remove(key: string, replica: number): Promise<void> {
    const startMs = this.time.monotonicMs();
    const reply = await this.#write(replica, ["DEL", key]);
    this.#tell(key, startMs, { kind: "del", result: reply as number | undefined }, reply === undefined);
  }

  async #transfer(replica: number): Promise<void> {
    await this.#ask(replica, (store) =>
      store.write({
        commands: [
          ["INCRBY", "left", "-5"],
          ["INCRBY", "right", "5"],
        ],
      }),
    );
    const pair = await this.#ask(replica, (store) => store.run([["MGET", "left", "right"]]));
    const values = pair?.[0] as (string | null)[] | undefined;
    if (values !== undefined) this.sums.push(values.reduce((sum, value) => sum + Number(value ?? 0), 0));
  }

  /** Undefined where nobody knows how it ended. */
  async #write(replica: number, args: string[]): Promise<Reply | undefined> {
    const written = this.#ask(replica, (store) => store.write({ commands: [args] }));
    if (this.#setup.mistake === "early-acknowledgement" && args[0] === "SET") {
      await this.#pause(1);
      return "OK";
    }
    const reply = (await written)?.replies[0];
    if (reply !== undefined && isError(reply)) throw new Error(reply.text);
    return reply;
  }

  async #ask<T>(replica: number, work: (store: Store) => Promise<T>): Promise<T | undefined> {
    const store = this.#stores[replica];
    if (store === undefined) return undefined;
    try {
      return await work(store);
    } catch {
      return undefined;
    }
  }

  /** When it ended. */
  #tell(key: string, startMs: number, operation: KeyOperation, unknown = false): number {
    const endMs = unknown ? Number.POSITIVE_INFINITY : this.time.monotonicMs();
    this.#history(key).push({ operation, startMs, endMs });
    return endMs;
  }

  #history(key: string): Call[] {
    const history = this.histories.get(key) ?? [];
    this.histories.set(key, history);
    return history;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.time.setTimer(ms, resolve));
  }
}
