// How far a replica is behind another one: what is written at the one is looked for at the other, and the time between the one's
// answer and the other's having it is what is counted.
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import { percentile } from "../load/percentile.ts";

const CHANNEL = "lag";
const PAUSE_MS = 2;
/** One in so many writes is a message, which the other replica shows by itself when it has applied it. */
const MESSAGE_EVERY = 10;
const DRAIN_MS = 5_000;

export type LagFigures = {
  readonly "writes/s": number;
  readonly "lag p50 ms": number;
  readonly "lag p99 ms": number;
  readonly requests: number;
};

/** `perSec` writes a second at `writer`, for so long. */
export async function lag(writer: Redis, reader: Redis, perSec: number, secs: number): Promise<LagFigures> {
  const answeredMs = new Map<string, number>();
  const shownMs = new Map<string, number>();
  reader.on("message", (_channel: string, id: string) => shownMs.set(id, performance.now()));
  await reader.subscribe(CHANNEL);
  const underWay = new Set<Promise<unknown>>();
  let written = 0;
  const write = (): Promise<unknown> => {
    const id = String(written);
    written += 1;
    if (written % MESSAGE_EVERY !== 0) return writer.set(`lag-${written % 10_000}`, id);
    return writer.publish(CHANNEL, id).then(() => answeredMs.set(id, performance.now()));
  };
  const fromMs = performance.now();
  for (let nowMs = fromMs; nowMs - fromMs < secs * 1000; nowMs = performance.now()) {
    while (written < ((nowMs - fromMs) / 1000) * perSec) {
      const answer = write();
      underWay.add(answer);
      void answer.finally(() => underWay.delete(answer)).catch(() => undefined);
    }
    await sleep(PAUSE_MS);
  }
  await Promise.all(underWay);
  const elapsedSecs = (performance.now() - fromMs) / 1000;
  for (const untilMs = performance.now() + DRAIN_MS; performance.now() < untilMs && shownMs.size < answeredMs.size; )
    await sleep(PAUSE_MS);
  if (shownMs.size < answeredMs.size)
    throw new Error(`a replica showed ${shownMs.size} of ${answeredMs.size} messages`);
  const lagsMs = [...answeredMs].map(([id, atMs]) => Math.max(0, (shownMs.get(id) ?? Number.NaN) - atMs));
  return {
    "writes/s": written / elapsedSecs,
    "lag p50 ms": percentile(lagsMs, 0.5),
    "lag p99 ms": percentile(lagsMs, 0.99),
    requests: written,
  };
}
