// Three replicas as processes on one log, each killed again and again, and the log's server, too: what clients saw must be
// linearizable for each key, nothing acknowledged may be missing, and all replicas must end with the same.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { S2, S2Endpoints } from "@s2-dev/streamstore";
import { Redis } from "ioredis";
import { ConnectionProxy } from "../../../test/support/connection-proxy.ts";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { type Call, isLinearizable, type KeyOperation } from "../src/store/testing/linearizable.ts";
import { Directory, portOf, startKv } from "./support.ts";

const REPLICAS = 3;
const CLIENTS = 6;
const KEYS = 12;
const RUN_MS = 6_000;
const BASIN = "kv-replica-tests";

const directory = new Directory();
after(() => directory.remove());

/** The log's server, at an address that outlives it. */
class LogServer {
  #server: TailraceProcess | undefined;
  #proxy: ConnectionProxy | undefined;
  readonly #store = `file:${join(directory.path, "log")}`;

  async start(): Promise<void> {
    await this.restart();
    this.#proxy = await ConnectionProxy.start(() => this.#server?.url);
    const endpoints = new S2Endpoints({ account: this.url, basin: this.url });
    await new S2({ accessToken: "any", endpoints }).basins.create({ basin: BASIN });
  }

  get url(): string {
    if (this.#proxy === undefined) throw new Error("not started");
    return this.#proxy.url;
  }

  async restart(): Promise<void> {
    const killed = this.#server;
    this.#server = undefined;
    await killed?.kill();
    this.#server = await TailraceProcess.start({ store: this.#store });
  }

  async stop(): Promise<void> {
    await this.#proxy?.stop();
    await this.#server?.kill();
  }
}

/** A replica that is killed and started again, and a connection to it. */
class ReplicaUnderTest {
  readonly #env: Readonly<Record<string, string>>;
  #process: TailraceProcess | undefined;
  #redis: Redis | undefined;

  constructor(url: string) {
    this.#env = { S2_ACCESS_TOKEN: "any", S2_ACCOUNT_ENDPOINT: url, S2_BASIN_ENDPOINT: url };
  }

  async start(): Promise<void> {
    this.#process = await startKv({ stream: `s2://${BASIN}/kv`, env: this.#env });
    this.#redis = new Redis(portOf(this.#process), "127.0.0.1", {
      retryStrategy: () => null,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: true,
    });
    this.#redis.on("error", () => undefined);
  }

  async kill(): Promise<void> {
    const [process, redis] = [this.#process, this.#redis];
    this.#process = undefined;
    this.#redis = undefined;
    await process?.kill();
    redis?.disconnect();
  }

  /** Undefined while it is down. */
  get redis(): Redis | undefined {
    return this.#redis;
  }
}

class Histories {
  readonly calls = new Map<string, Call[]>();

  /** Has something done, and remembers what came of it. */
  async tell<T>(
    key: string,
    redis: Redis,
    ask: (redis: Redis) => Promise<T>,
    operation: (result: T | undefined) => KeyOperation,
  ) {
    const startMs = performance.now();
    let result: T | undefined;
    let endMs = Number.POSITIVE_INFINITY;
    try {
      result = await ask(redis);
      endMs = performance.now();
    } catch (error) {
      // Certain to have done nothing, or nobody knows.
      if (error instanceof Error && /^(TRYAGAIN|LOADING)/.test(error.message)) return;
      if (operation(undefined).kind === "get") return;
    }
    const calls = this.calls.get(key) ?? [];
    calls.push({ operation: operation(result), startMs, endMs });
    this.calls.set(key, calls);
  }
}

test("three replicas under kill -9, on a log that is killed, too", async () => {
  const log = new LogServer();
  await log.start();
  const replicas = Array.from({ length: REPLICAS }, () => new ReplicaUnderTest(log.url));
  for (const replica of replicas) await replica.start();
  const histories = new Histories();
  const acknowledged = { count: 0 };
  let over = false;

  const client = async (n: number): Promise<void> => {
    for (let i = 0; !over; i += 1) {
      const redis = replicas[(n + i) % REPLICAS].redis;
      if (redis === undefined) {
        await pause(5);
        continue;
      }
      const key = `key-${(n * 7 + i * 5) % KEYS}`;
      const value = String((n + 1) * 1_000_000 + i);
      if (i % 3 === 0)
        await histories.tell(
          key,
          redis,
          (r) => r.set(key, value),
          () => ({ kind: "set", value }),
        );
      else if (i % 3 === 1)
        await histories.tell(
          key,
          redis,
          (r) => r.get(key),
          (result = null) => ({ kind: "get", result }),
        );
      else {
        await redis.incr("acknowledged").then(
          () => {
            acknowledged.count += 1;
          },
          () => undefined,
        );
      }
      await pause(2);
    }
  };
  const clients = Array.from({ length: CLIENTS }, (_, n) => client(n));

  const endMs = performance.now() + RUN_MS;
  for (let i = 0; performance.now() < endMs; i += 1) {
    await pause(700);
    if (i % 3 === 2) await log.restart();
    else {
      const victim = replicas[i % REPLICAS];
      await victim.kill();
      await victim.start();
    }
  }
  over = true;
  await Promise.all(clients);

  const finals = await Promise.all(
    replicas.map(async ({ redis }) => {
      assert.ok(redis !== undefined);
      return [
        await redis.get("acknowledged"),
        ...(await redis.mget(Array.from({ length: KEYS }, (_, i) => `key-${i}`))),
      ];
    }),
  );
  for (const final of finals) assert.deepEqual(final, finals[0]);
  assert.ok(Number(finals[0][0]) >= acknowledged.count, `${finals[0][0]} of ${acknowledged.count}`);
  assert.ok(acknowledged.count > 50, `only ${acknowledged.count} increments`);
  for (const [key, calls] of histories.calls) assert.ok(isLinearizable(calls), `${key}: ${calls.length} calls`);
  for (const replica of replicas) await replica.kill();
  await log.stop();
});
