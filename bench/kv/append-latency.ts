// What one append takes on the log that a replica writes to, by the session that it would use: the least that a write can take.
import { createS2Log } from "@tailrace/replica";
import { percentile } from "../load/percentile.ts";
import type { LogProcess } from "./processes.ts";

/** About what a SET of redis-benchmark is as a record. */
const BODY = Buffer.alloc(60, "x");
const NO_HEADERS: readonly [] = [];

export async function appendP50Ms(log: LogProcess, basin: string, secs: number): Promise<number> {
  const endpoints = { account: log.url, basin: log.url };
  const stream = await createS2Log({ client: { accessToken: "any", endpoints }, basin, stream: "append-latency" });
  const appender = stream.openAppender();
  const tookMs: number[] = [];
  for (const untilMs = performance.now() + secs * 1000; performance.now() < untilMs; ) {
    const sentMs = performance.now();
    await appender.append({ entries: [{ headers: NO_HEADERS, body: BODY }] });
    tookMs.push(performance.now() - sentMs);
  }
  appender.close();
  await stream.close();
  return percentile(tookMs, 0.5);
}
