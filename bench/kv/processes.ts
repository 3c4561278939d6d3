// The processes under measurement: redis-server, `tailrace kv serve` and `tailrace serve`, each on a fresh directory that goes
// with it, and what the operating system says of them.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { NODE_FLAGS } from "../../scripts/node-flags.js";
import { freePort } from "../servers/server.ts";

const MAIN = join(import.meta.dirname, "../../packages/cli/src/main.ts");
const START_DEADLINE_MS = 120_000;
const POLL_MS = 5;
/** The kernel counts processor time in these. */
const TICKS_PER_SEC = 100;

type Command = readonly [command: string, args: readonly string[]];

class Process {
  readonly port: number;
  readonly #directory: string;
  readonly #launch: () => ChildProcess;
  #child: ChildProcess;

  protected constructor(
    port: number,
    commandOf: (port: number, directory: string) => Command,
    env: Readonly<Record<string, string>> = {},
  ) {
    this.port = port;
    this.#directory = mkdtempSync(join(tmpdir(), "tailrace-bench-kv-"));
    const [command, args] = commandOf(port, this.#directory);
    this.#launch = () => {
      const child = spawn(command, args, { stdio: "ignore", env: { ...process.env, ...env } });
      process.on("exit", () => child.kill("SIGKILL"));
      return child;
    };
    this.#child = this.#launch();
  }

  /** Of all its threads, so far. */
  get cpuSecs(): number {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC;
  }

  /** `kill -9`, and the same again. */
  protected async restart(): Promise<void> {
    await this.#end();
    this.#child = this.#launch();
  }

  /** Resolves when `answers` does. */
  protected async until(answers: () => Promise<boolean>): Promise<void> {
    for (const untilMs = performance.now() + START_DEADLINE_MS; performance.now() < untilMs; await sleep(POLL_MS)) {
      if (await answers().catch(() => false)) return;
      if (this.#child.exitCode !== null) break;
    }
    throw new Error("a server did not start");
  }

  async stop(): Promise<void> {
    await this.#end();
    rmSync(this.#directory, { recursive: true });
  }

  async #end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

/** Redis's protocol is spoken there. */
export class RedisProcess extends Process {
  /** A `redis-server` that syncs every write before it answers. */
  static async redis(): Promise<RedisProcess> {
    return RedisProcess.#started(
      new RedisProcess(await freePort(), (port, directory) => [
        "redis-server",
        ["--port", String(port), "--dir", directory, "--save", "", "--appendonly", "yes", "--appendfsync", "always"],
      ]),
    );
  }

  /** A replica on a log of its own, or on a stream of `log`. */
  static async kv(log?: LogProcess): Promise<RedisProcess> {
    const commandOf = (port: number, directory: string): Command => {
      const where = log === undefined ? ["--store", `file:${directory}`] : ["--stream", "s2://bench-kv/kv"];
      const serve = ["kv", "serve", "--redis", `127.0.0.1:${port}`, ...where, "--log-level", "warn"];
      return [process.execPath, [...NODE_FLAGS, MAIN, ...serve]];
    };
    return RedisProcess.#started(new RedisProcess(await freePort(), commandOf, log?.env));
  }

  static async #started(server: RedisProcess): Promise<RedisProcess> {
    await server.#answers();
    return server;
  }

  async #answers(): Promise<void> {
    await this.until(async () => {
      const redis = this.client();
      try {
        // Who still loads refuses.
        return Number.isInteger(await redis.dbsize());
      } finally {
        redis.disconnect();
      }
    });
  }

  client(): Redis {
    const options = { lazyConnect: false, retryStrategy: () => null, maxRetriesPerRequest: 0 };
    const redis = new Redis(this.port, "127.0.0.1", options);
    redis.on("error", () => undefined);
    return redis;
  }

  /** Killed and started anew; resolves with the milliseconds from its start until it serves. */
  async recover(): Promise<number> {
    await this.restart();
    const fromMs = performance.now();
    await this.#answers();
    return performance.now() - fromMs;
  }
}

/** A log for replicas, and for who wants to append to it. */
export class LogProcess extends Process {
  static async start(): Promise<LogProcess> {
    const log = new LogProcess(await freePort(), (port, directory) => [
      process.execPath,
      [
        ...NODE_FLAGS,
        MAIN,
        "serve",
        ...["--listen", `127.0.0.1:${port}`, "--store", `file:${directory}`, "--log-level", "warn"],
      ],
    ]);
    await log.until(async () => (await fetch(`${log.url}/health`)).status === 200);
    return log;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** For processes that are to use it. */
  get env(): Readonly<Record<string, string>> {
    return { S2_ACCESS_TOKEN: "any", S2_ACCOUNT_ENDPOINT: this.url, S2_BASIN_ENDPOINT: this.url };
  }
}
