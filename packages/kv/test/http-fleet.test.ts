// Two replicas of the real process over a real log, asked over HTTP while the log is killed and one of them is: every key's
// history is linearizable, nothing acknowledged is lost, and a watch goes on at the other replica without a gap.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import { S2, S2Endpoints } from "@s2-dev/streamstore";
import { ConnectionProxy } from "../../../test/support/connection-proxy.ts";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { type Call, isLinearizable, type KeyOperation } from "../src/store/testing/linearizable.ts";
import { EventStream } from "./http-support.ts";
import { Directory, httpUrlOf, startKv } from "./support.ts";

const BASIN = "kv-http-tests";
const KEYS = ["a", "b", "c"];

const directory = new Directory();
after(() => directory.remove());

class Log {
  #server: TailraceProcess | undefined;
  #proxy: ConnectionProxy | undefined;

  async start(): Promise<void> {
    this.#server = await TailraceProcess.start({ store: `file:${join(directory.path, "log")}` });
    this.#proxy ??= await ConnectionProxy.start(() => this.#server?.url);
  }

  get url(): string {
    return String(this.#proxy?.url);
  }

  async kill(): Promise<void> {
    const killed = this.#server;
    this.#server = undefined;
    await killed?.kill();
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.#proxy?.stop();
  }
}

async function status(url: string): Promise<number> {
  const response = await fetch(url);
  await response.arrayBuffer();
  return response.status;
}

/** What a client does while its replica answers, as histories of keys. */
class Client {
  readonly histories = new Map<string, Call[]>(KEYS.map((key) => [key, []]));
  readonly #url: string;
  readonly #name: string;
  #writes = 0;
  /** Its replica answers no more. */
  #isOver = false;

  constructor(url: string, name: string) {
    this.#url = url;
    this.#name = name;
  }

  async run(count: number): Promise<void> {
    for (let i = 0; i < count && !this.#isOver; i += 1) {
      const key = KEYS[i % KEYS.length];
      const kind = ["set", "get", "get", "del"][Math.floor(Math.random() * 4)];
      const startMs = performance.now();
      const operation = await this.#do(kind, key);
      if (operation === undefined) continue;
      this.histories.get(key)?.push({ ...operation, startMs });
    }
  }

  /** Undefined: it certainly had no effect. */
  async #do(kind: string, key: string): Promise<Omit<Call, "startMs"> | undefined> {
    this.#writes += 1;
    const value = `${this.#name}-${this.#writes}`;
    const unknown: KeyOperation | undefined =
      kind === "set" ? { kind, value } : kind === "del" ? { kind, result: undefined } : undefined;
    try {
      const method = kind === "set" ? "PUT" : kind === "del" ? "DELETE" : "GET";
      const response = await fetch(`${this.#url}/v1/keys/${key}`, { method, body: kind === "set" ? value : null });
      const text = await response.text();
      const endMs = performance.now();
      if (response.status === 503) return undefined;
      if (response.status >= 500) return unknown && { operation: unknown, endMs: Number.POSITIVE_INFINITY };
      if (kind === "set") return { operation: { kind, value }, endMs };
      if (kind === "del") return { operation: { kind, result: JSON.parse(text).deleted ? 1 : 0 }, endMs };
      return { operation: { kind: "get", result: response.status === 404 ? null : text }, endMs };
    } catch {
      this.#isOver = true;
      return unknown && { operation: unknown, endMs: Number.POSITIVE_INFINITY };
    }
  }
}

test("two replicas, a log that is killed and one of them killed, too: linearizable, and no change is missed", async (t) => {
  const log = new Log();
  t.after(() => log.stop());
  await log.start();
  await new S2({ accessToken: "any", endpoints: new S2Endpoints({ account: log.url, basin: log.url }) }).basins.create({
    basin: BASIN,
  });
  const env = { S2_ACCESS_TOKEN: "any", S2_ACCOUNT_ENDPOINT: log.url, S2_BASIN_ENDPOINT: log.url };
  const start = () => startKv({ stream: `s2://${BASIN}/kv`, args: ["--listen", "127.0.0.1:0"], env });
  const [first, second] = [await start(), await start()];
  t.after(() => Promise.all([first.kill(), second.kill()]));
  const urls = [httpUrlOf(first), httpUrlOf(second)];

  const watch = await EventStream.open(`${urls[1]}/v1/watch?from=0`);
  const clients = urls.flatMap((url, i) => [0, 1].map((j) => new Client(url, `${i}${j}`)));
  const running = Promise.all(clients.map((client) => client.run(60)));
  await new Promise((resolve) => setTimeout(resolve, 300));
  await log.kill();
  await log.start();
  await new Promise((resolve) => setTimeout(resolve, 300));
  await second.kill();
  await running;

  // What the watch of the dead replica had not told, the other one tells.
  const told = new Map<string, string | null>();
  let last = "0";
  const take = ({ id, data }: { id: string | undefined; data: { changes?: { key: string; value?: string }[] } }) => {
    assert.ok(Number(id) >= Number(last));
    last = String(id);
    for (const { key, value } of data.changes ?? []) told.set(key, value ?? null);
  };
  try {
    for (let event = await watch.next(); event !== undefined; event = await watch.next()) {
      if (event.event !== "error") take(event);
    }
  } catch {
    // Its replica was killed.
  }
  const end = (await (await fetch(`${urls[0]}/v1/keys/end`, { method: "PUT", body: "end" })).json()) as {
    revision: number;
  };
  const resumed = await EventStream.open(`${urls[0]}/v1/watch`, { "last-event-id": last });
  while (Number(last) < end.revision) {
    const event = await resumed.next();
    assert.ok(event !== undefined);
    take(event);
  }
  resumed.close();

  for (const key of KEYS) {
    const response = await fetch(`${urls[0]}/v1/keys/${key}`);
    const value = response.status === 404 ? null : await response.text();
    assert.equal(told.get(key) ?? null, value, "the changes lead to what is there");
    const now = performance.now();
    const calls = clients.flatMap((client) => client.histories.get(key) ?? []);
    assert.ok(calls.length > 20);
    calls.push({ operation: { kind: "get", result: value }, startMs: now, endMs: now + 1 });
    assert.ok(isLinearizable(calls), `key ${key}`);
  }

  await log.kill();
  const deadline = performance.now() + 30_000;
  while ((await status(`${urls[0]}/health`)) !== 503) assert.ok(performance.now() < deadline, "health without a log");
  await log.start();
  while ((await status(`${urls[0]}/health`)) !== 200) assert.ok(performance.now() < deadline, "health with a log");
});
