// A server under measurement: a process on a fresh store, and what the operating system says of it.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { CountedS3 } from "./counted-s3.ts";

export type ServerName = "tailrace" | "s2-lite";

export interface Usage {
  readonly cpuSecs: number;
  readonly peakRssMiB: number;
}

/** The kernel counts processor time in these. */
const TICKS_PER_SEC = 100;
const START_DEADLINE_MS = 30_000;

export class BenchServer {
  readonly name: ServerName;
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #s3: CountedS3 | undefined;

  constructor(name: ServerName, url: string, child: ChildProcess, s3: CountedS3 | undefined) {
    this.name = name;
    this.url = url;
    this.#child = child;
    this.#s3 = s3;
  }

  async healthy(): Promise<void> {
    for (const untilMs = performance.now() + START_DEADLINE_MS; performance.now() < untilMs; ) {
      const answer = await fetch(`${this.url}/health`).catch(() => undefined);
      if (answer?.status === 200) return;
      if (this.#child.exitCode !== null) break;
      await sleep(50);
    }
    throw new Error(`${this.name} did not start`);
  }

  usage(): Usage {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    const peakKib = Number(/VmHWM:\s+([0-9]+)/.exec(status)?.[1] ?? 0);
    return { cpuSecs: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC, peakRssMiB: peakKib / 1024 };
  }

  /** Requests to the object store so far: as the store counts them on S3, else as the server does; undefined where it does not. */
  async storeRequests(): Promise<number | undefined> {
    if (this.#s3 !== undefined) return this.#s3.requests();
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const counts = [...text.matchAll(/^tailrace_object_store_requests_total\{.*\} ([0-9.e+]+)$/gm)];
    return counts.length === 0 ? undefined : counts.reduce((sum, match) => sum + Number(match[1]), 0);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
    await this.#s3?.stop();
  }
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
