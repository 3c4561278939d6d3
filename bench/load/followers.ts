// Many readers that follow one stream as it is written to at a steady rate.
import type { Figures } from "../report.ts";
import { Follower, MARK, STAMP_DIGITS } from "./follower.ts";
import { percentile } from "./percentile.ts";

export interface FollowersLoad {
  readonly basin: string;
  readonly stream: string;
  readonly followers: number;
  readonly mibPerSec: number;
}

const MIB = 1024 * 1024;
const RECORD_BYTES = 8 * 1024;
const BATCH_RECORDS = 8;
/** How long after the last append a record may still come. */
const GRACE_MS = 2_000;

/** Figures: what all followers were given together, and how long after it was sent. Rejects when a session is refused or ends early. */
export async function followers(url: string, load: FollowersLoad, secs: number): Promise<Figures> {
  const sessions = Array.from(
    { length: load.followers },
    () => new Follower({ url, ...load, recordBytes: RECORD_BYTES }),
  );
  try {
    await Promise.all(sessions.map(({ opened }) => opened));
    await write(url, load, secs);
    const wanted = load.mibPerSec * MIB * secs;
    const untilMs = performance.now() + GRACE_MS;
    while (performance.now() < untilMs && sessions.some(({ bytes }) => bytes < wanted)) await pause(20);
    const failure = sessions.find(({ failed }) => failed !== undefined)?.failed;
    if (failure !== undefined) throw failure;
    const latenciesMs = sessions.flatMap((session) => session.latenciesMs);
    const bytes = sessions.reduce((sum, session) => sum + session.bytes, 0);
    return {
      "delivered MiB/s": bytes / MIB / secs,
      "tail p50 ms": percentile(latenciesMs, 0.5),
      "tail p99 ms": percentile(latenciesMs, 0.99),
    };
  } finally {
    for (const session of sessions) session.close();
  }
}

/** Appends at a steady rate, each when it is due. */
async function write(url: string, { basin, stream, mibPerSec }: FollowersLoad, secs: number): Promise<void> {
  const perSecond = (mibPerSec * MIB) / (RECORD_BYTES * BATCH_RECORDS);
  const headers = { "content-type": "application/json", "s2-basin": basin };
  const filler = "f".repeat(RECORD_BYTES - MARK.length - STAMP_DIGITS);
  const append = async () => {
    const stamp = String(Math.floor(performance.now() * 1000)).padStart(STAMP_DIGITS, "0");
    const records = Array.from({ length: BATCH_RECORDS }, () => ({ body: `${MARK}${stamp}${filler}` }));
    const answer = await fetch(`${url}/v1/streams/${stream}/records`, {
      method: "POST",
      headers,
      body: JSON.stringify({ records }),
    });
    await answer.arrayBuffer();
    if (!answer.ok) throw new Error(`an append was answered ${answer.status}`);
  };
  const startMs = performance.now();
  const pending: Promise<void>[] = [];
  for (let i = 0; i < perSecond * secs; i += 1) {
    const leftMs = startMs + (i * 1000) / perSecond - performance.now();
    if (leftMs > 1) await pause(leftMs);
    pending.push(append());
  }
  await Promise.all(pending);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
