// Appends at a steady rate, whether those before have been answered or not: the load stays the same however long an answer takes.
import { Agent, request } from "node:http";
import type { Figures } from "../report.ts";
import { percentile } from "./percentile.ts";

export interface PacedLoad {
  readonly perSecond: number;
  readonly path: string;
  readonly basin: string;
  /** In JSON; default: one record of 200 bytes. */
  readonly body?: Buffer;
}

const BODY = Buffer.from(`{"records":[{"body":"${"x".repeat(200)}"}]}`);
const TICK_MS = 5;
/** More than are ever unanswered at once. */
const MAX_SOCKETS = 256;

/** Latencies are counted from when a request was due, and told one by one too. Rejects when one is not answered with 200. */
export async function pacedAppends(
  url: string,
  { perSecond, path, basin, body = BODY }: PacedLoad,
  secs: number,
  onAnswered: (tookMs: number) => void = () => undefined,
): Promise<Figures> {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
  const headers = { "content-type": "application/json", "s2-basin": basin, "content-length": body.length };
  const append = () =>
    new Promise<void>((resolve, reject) => {
      const outgoing = request(url + path, { method: "POST", agent, headers }, (answer) => {
        answer.resume();
        if (answer.statusCode !== 200) reject(new Error(`an append was answered ${answer.statusCode}`));
        answer.on("end", resolve);
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  const latenciesMs: number[] = [];
  const total = perSecond * secs;
  const appends: Promise<void>[] = [];
  const startMs = performance.now();
  await new Promise<void>((resolve) => {
    const ticking = setInterval(() => {
      const due = Math.min(total, ((performance.now() - startMs) * perSecond) / 1000);
      while (appends.length < due) {
        const dueMs = startMs + (appends.length * 1000) / perSecond;
        appends.push(
          append().then(() => {
            const tookMs = performance.now() - dueMs;
            latenciesMs.push(tookMs);
            onAnswered(tookMs);
          }),
        );
      }
      if (appends.length < total) return;
      clearInterval(ticking);
      resolve();
    }, TICK_MS);
  });
  await Promise.all(appends);
  agent.destroy();
  return { appends: total, "p50 ms": percentile(latenciesMs, 0.5), "p99 ms": percentile(latenciesMs, 0.99) };
}
