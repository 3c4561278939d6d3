// Loads of which every single acknowledgement is timed: by a generator of ours, since others print percentiles only.
import { pacedAppends } from "../load/paced-appends.ts";
import { postAll } from "../load/post.ts";

export const BASIN = "bench-basin";
const SMALL_BYTES = 200;
const BATCH_RECORDS = 8;
const RECORD_BYTES = 8 * 1024;
const MIB = 1024 * 1024;

export interface LatencyLoad {
  readonly name: string;
  /** Its own. */
  readonly stream: string;
  run(url: string, secs: number, onAnswered: (tookMs: number) => void): Promise<void>;
}

function body(records: number, bytes: number): Buffer {
  return Buffer.from(JSON.stringify({ records: Array.from({ length: records }, () => ({ body: "x".repeat(bytes) })) }));
}

/** The next append of a client follows the answer to the one before. */
function clients(stream: string, count: number): LatencyLoad {
  return {
    name: `small appends, ${count} ${count === 1 ? "client" : "clients"}`,
    stream,
    run(url, secs, onAnswered) {
      const untilMs = performance.now() + secs * 1000;
      const posted = { path: `/v1/streams/${stream}/records`, body: body(1, SMALL_BYTES) };
      const headers = { "content-type": "application/json", "s2-basin": BASIN };
      const next = () => (performance.now() < untilMs ? posted : undefined);
      return postAll(url, count, headers, next, onAnswered);
    },
  };
}

/** Each append when it is due, counted from then, whatever became of those before. */
function paced(name: string, stream: string, perSecond: number, content: Buffer): LatencyLoad {
  return {
    name,
    stream,
    async run(url, secs, onAnswered) {
      const load = { perSecond, path: `/v1/streams/${stream}/records`, basin: BASIN, body: content };
      await pacedAppends(url, load, secs, onAnswered);
    },
  };
}

const perSecondOf = (mibPerSec: number) => (mibPerSec * MIB) / (BATCH_RECORDS * RECORD_BYTES);

export const LOADS: readonly LatencyLoad[] = [
  clients("one", 1),
  clients("crowd", 64),
  paced("small appends, 200 a second", "paced", 200, body(1, SMALL_BYTES)),
  paced("8 KiB records in batches of 8, 20 MiB/s", "bulk", perSecondOf(20), body(BATCH_RECORDS, RECORD_BYTES)),
];
