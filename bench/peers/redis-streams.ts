// Redis Streams with an append-only file that is synced for every write, through ioredis.
import { Redis } from "ioredis";
import type { Peer, PeerClient } from "./peer.ts";
import { outputOf, startProcess } from "./process.ts";

const KEY = "events";
/** How long a read waits for something new. */
const BLOCK_MS = 1_000;

export async function startRedis(): Promise<Peer | string> {
  const version = outputOf("redis-server", ["--version"]);
  if (version === undefined) return "redis-server is not on the PATH";
  const { port, stop } = await startProcess("redis-server", (on, directory) => [
    ...["--port", String(on), "--bind", "127.0.0.1", "--dir", directory],
    ...["--appendonly", "yes", "--appendfsync", "always", "--save", ""],
  ]);
  return { name: `Redis ${/v=(\S+)/.exec(version)?.[1]} Streams`, connect: async () => new RedisClient(port), stop };
}

class RedisClient implements PeerClient {
  readonly #writing: Redis;
  /** A read that waits holds up its connection. */
  readonly #reading: Redis;
  #closed = false;
  #following: Promise<void> | undefined;

  constructor(port: number) {
    this.#writing = new Redis(port, "127.0.0.1");
    this.#reading = new Redis(port, "127.0.0.1");
  }

  async append(body: string): Promise<void> {
    await this.#writing.xadd(KEY, "*", "body", body);
  }

  async follow(onRecord: (body: string) => void): Promise<void> {
    const last = await this.#reading.xrevrange(KEY, "+", "-", "COUNT", 1);
    this.#following = this.#follow(last[0]?.[0] ?? "0", onRecord);
  }

  async #follow(after: string, onRecord: (body: string) => void): Promise<void> {
    for (let id = after; !this.#closed; ) {
      const answer = await this.#reading.xread("BLOCK", BLOCK_MS, "STREAMS", KEY, id);
      for (const [entry, fields] of answer?.[0]?.[1] ?? []) {
        id = entry;
        onRecord(fields[1]);
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#following;
    this.#writing.disconnect();
    this.#reading.disconnect();
  }
}
