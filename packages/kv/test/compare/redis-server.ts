// A real redis-server, where one is installed: on a socket in a directory of its own, keeping nothing.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The version whose replies are ours. */
const VERSION = /v=7\.0\./;
const START_MS = 10_000;

/** Why there is none to compare with; undefined if there is one. */
export function whyNoRedis(): string | undefined {
  const { error, stdout } = spawnSync("redis-server", ["--version"], { encoding: "utf8" });
  if (error !== undefined) return "redis-server is not installed";
  return VERSION.test(stdout) ? undefined : `redis-server is no 7.0: ${stdout.trim()}`;
}

export class RedisServer {
  readonly socketPath: string;
  readonly #directory: string;
  readonly #process: ChildProcess;

  private constructor(directory: string, process: ChildProcess) {
    this.#directory = directory;
    this.socketPath = join(directory, "redis.sock");
    this.#process = process;
  }

  static async start(): Promise<RedisServer> {
    const directory = mkdtempSync(join(tmpdir(), "tailrace-redis-"));
    const options = ["--port", "0", "--unixsocket", "redis.sock", "--save", "", "--appendonly", "no"];
    const process = spawn("redis-server", options, { cwd: directory, stdio: "ignore" });
    const server = new RedisServer(directory, process);
    for (let waitedMs = 0; !existsSync(server.socketPath); waitedMs += 20) {
      if (waitedMs > START_MS || process.exitCode !== null) {
        server.stop();
        throw new Error("redis-server did not start");
      }
      await sleep(20);
    }
    return server;
  }

  stop(): void {
    this.#process.kill("SIGKILL");
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
