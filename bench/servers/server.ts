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
  readonly rssMiB: number;
  readonly peakRssMiB: number;
}

/** What a server counts, and its store; undefined where neither does. */
export interface Counters {
  /** To the object store, so far: as the store counts them on S3, else as the server does. */
  readonly storeRequests: number | undefined;
  /** In which the collector of garbage ran, so far. */
  readonly gcSecs: number | undefined;
  /** How late the event loop was, in the 99th percentile since it was last asked. */
  readonly loopDelayP99Ms: number | undefined;
}

/** The kernel counts processor time in these. */
const TICKS_PER_SEC = 100;
const START_DEADLINE_MS = 120_000;
const HEALTH_PAUSE_MS = 10;
/** The server's metric is the time from one look to the next, of which this is the pause between looks: what is more is delay. */
const LOOP_LOOK_MS = 10;

export class BenchServer {
  readonly name: ServerName;
  readonly url: string;
  readonly #launch: () => ChildProcess;
  readonly #s3: CountedS3 | undefined;
  readonly #cleanUp: () => Promise<void>;
  #child: ChildProcess;

  /** `launch` starts the process, on the same store each time; `cleanUp` removes that store. */
  constructor(
    name: ServerName,
    url: string,
    launch: () => ChildProcess,
    s3: CountedS3 | undefined,
    cleanUp: () => Promise<void>,
  ) {
    this.name = name;
    this.url = url;
    this.#launch = launch;
    this.#s3 = s3;
    this.#cleanUp = cleanUp;
    this.#child = launch();
  }

  async healthy(): Promise<void> {
    for (const untilMs = performance.now() + START_DEADLINE_MS; performance.now() < untilMs; ) {
      const answer = await fetch(`${this.url}/health`).catch(() => undefined);
      if (answer?.status === 200) return;
      if (this.#child.exitCode !== null) break;
      await sleep(HEALTH_PAUSE_MS);
    }
    throw new Error(`${this.name} did not start`);
  }

  usage(): Usage {
    const stat = readFileSync(`/proc/${this.#child.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    const mib = (field: string) => Number(new RegExp(`${field}:\\s+([0-9]+)`).exec(status)?.[1] ?? 0) / 1024;
    return {
      cpuSecs: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SEC,
      rssMiB: mib("VmRSS"),
      peakRssMiB: mib("VmHWM"),
    };
  }

  async counters(): Promise<Counters> {
    const answer = await fetch(`${this.url}/metrics`);
    const text = await answer.text();
    const requests = this.#s3?.requests() ?? sumOf(text, "tailrace_object_store_requests_total");
    if (this.name !== "tailrace") return { storeRequests: requests, gcSecs: undefined, loopDelayP99Ms: undefined };
    const delaySecs = sumOf(text, "nodejs_eventloop_lag_p99_seconds");
    return {
      storeRequests: requests,
      gcSecs: sumOf(text, "nodejs_gc_duration_seconds_sum"),
      loopDelayP99Ms: delaySecs === undefined ? undefined : Math.max(0, delaySecs * 1000 - LOOP_LOOK_MS),
    };
  }

  /** Ends the process and starts it anew on the same store. Resolves with the milliseconds from its start until it was healthy. */
  async restart(signal: "SIGTERM" | "SIGKILL"): Promise<number> {
    await this.#end(signal);
    const fromMs = performance.now();
    this.#child = this.#launch();
    await this.healthy();
    return performance.now() - fromMs;
  }

  async stop(): Promise<void> {
    await this.#end("SIGKILL");
    await this.#cleanUp();
  }

  async #end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill(signal);
    await once(this.#child, "exit");
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

/** Of a Prometheus page: a figure, over all its labels. */
function sumOf(page: string, name: string): number | undefined {
  const values = [...page.matchAll(new RegExp(`^${name}(?:\\{.*\\})? ([0-9.e+-]+)$`, "gm"))];
  return values.length === 0 ? undefined : values.reduce((sum, match) => sum + Number(match[1]), 0);
}
