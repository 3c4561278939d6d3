// A store that is full of keys, killed and started again: from a snapshot and the log behind it.
import { setTimeout as sleep } from "node:timers/promises";
import type { RedisProcess } from "./processes.ts";

/** Of this size, a million are more than a snapshot waits for (docs/replica.md: 256 MiB), and leave a tail behind it. */
const VALUE = "v".repeat(300);
const IN_FLIGHT = 2_000;
/** A process that has done nothing for so long has written its snapshot. */
const QUIET_MS = 2_000;
const QUIET_CPU_SECS = 0.1;
const QUIET_DEADLINE_MS = 60_000;

export type RecoveryFigures = {
  readonly "recovery s": number;
  readonly requests: number;
};

export async function fill(server: RedisProcess, keys: number): Promise<void> {
  const redis = server.client();
  for (let from = 0; from < keys; from += IN_FLIGHT) {
    const pipeline = redis.pipeline();
    for (let i = from; i < Math.min(keys, from + IN_FLIGHT); i += 1) pipeline.set(`key:${i}`, VALUE);
    const answers = (await pipeline.exec()) ?? [];
    const failed = answers.find(([error]) => error !== null);
    if (failed !== undefined) throw failed[0];
  }
  redis.disconnect();
}

export async function recovery(server: RedisProcess, keys: number): Promise<RecoveryFigures> {
  const elapsedMs = await server.recover();
  const redis = server.client();
  const found = await redis.dbsize();
  redis.disconnect();
  if (found < keys) throw new Error(`a server came back with ${found} of ${keys} keys`);
  return { "recovery s": elapsedMs / 1000, requests: 1 };
}

/** Resolves once it does nothing in the background any more. */
export async function quiet(server: RedisProcess): Promise<void> {
  for (const untilMs = performance.now() + QUIET_DEADLINE_MS; performance.now() < untilMs; ) {
    const before = server.cpuSecs;
    await sleep(QUIET_MS);
    if (server.cpuSecs - before < QUIET_CPU_SECS) return;
  }
  throw new Error("a server never came to rest");
}
