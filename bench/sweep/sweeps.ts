// How figures grow with what is asked: each sweep is one load at several sizes.
import { type FollowersLoad, followers } from "../load/followers.ts";
import { postAll } from "../load/post.ts";
import { s2Bench } from "../load/s2-bench.ts";
import { wrk } from "../load/wrk.ts";
import type { Figures } from "../report.ts";
import { grow, readAnywhere } from "./history.ts";

export const BASIN = "bench-basin";
const MIB = 1024 * 1024;
/** Of the loads that are about something else. */
const CLIENTS = 64;
const FEW_CLIENTS = 16;
const FOLLOWED_MIB_PER_SEC = 0.25;
const FOUNDED_AT_ONCE = 256;
const RECORD = Buffer.from(JSON.stringify({ records: [{ body: "first" }] }));
/** A record of 1 MiB as it is metered: 8 bytes count for the record itself. */
const LARGEST_BODY_BYTES = 1024 * 1024 - 8;

export interface Sweep {
  readonly name: string;
  /** What the sizes are of. */
  readonly of: string;
  readonly sizes: readonly number[];
  /** Those that take long: with --scale only. */
  readonly large?: readonly number[];
  /** The figures that are drawn, a panel each. */
  readonly drawn: readonly string[];
  readonly needs?: "wrk" | "s2";
  /** Before the rounds of a size. */
  prepare?(url: string, size: number): Promise<void>;
  run(url: string, size: number, secs: number): Promise<Figures>;
}

/** The measurement adds it: the processor time of the server for each request. */
export const CPU_PER_REQUEST = "cpu µs / request";

export const SWEEPS: readonly Sweep[] = [
  {
    name: "clients",
    of: "clients, each with small appends to one stream, one after the other",
    sizes: [1, 4, 16, 64, 256, 1024, 4096],
    drawn: ["requests/s", "p50 ms", "p99 ms", CPU_PER_REQUEST],
    needs: "wrk",
    run: (url, clients, secs) =>
      wrk(url, BASIN, { connections: clients, script: "append.lua", path: "/v1/streams/one/records" }, secs),
  },
  {
    name: "streams",
    of: `streams, appended to at random by ${CLIENTS} clients`,
    sizes: [1, 100, 10_000, 100_000],
    large: [1_000_000],
    drawn: ["requests/s", "p50 ms", "p99 ms", CPU_PER_REQUEST],
    needs: "wrk",
    prepare: (url, streams) => found(url, streamsPrefix(streams), streams),
    run(url, streams, secs) {
      const load = {
        connections: CLIENTS,
        script: "append-streams.lua",
        path: `/v1/streams/${streamsPrefix(streams)}`,
      };
      return wrk(url, BASIN, { ...load, args: [String(streams)] }, secs);
    },
  },
  {
    name: "record-bytes",
    of: `bytes of a record, appended by ${FEW_CLIENTS} clients, one record at a time`,
    sizes: [16, 256, 4096, 65_536, LARGEST_BODY_BYTES],
    drawn: ["MiB/s", "p50 ms", "p99 ms", CPU_PER_REQUEST],
    needs: "wrk",
    async run(url, bytes, secs) {
      const load = { connections: FEW_CLIENTS, script: "append-sized.lua", path: "/v1/streams/sized/records" };
      const figures = await wrk(url, BASIN, { ...load, args: [String(bytes)] }, secs);
      return { ...figures, "MiB/s": (figures["requests/s"] * bytes) / MIB };
    },
  },
  {
    name: "history-mib",
    of: `MiB of history, of which ${FEW_CLIENTS} clients read single records at random, and one session the beginning`,
    sizes: [1, 16, 128, 1024],
    large: [4 * 1024, 20 * 1024],
    drawn: ["single records/s", "p99 ms", "catch-up MiB/s"],
    needs: "wrk",
    prepare: (url, mib) => grow(url, BASIN, mib),
    run: (url, mib, secs) => readAnywhere(url, BASIN, mib, secs),
  },
  {
    name: "followers",
    of: `followers of one stream that is appended to at ${FOLLOWED_MIB_PER_SEC} MiB/s`,
    sizes: [1, 10, 100, 1000],
    drawn: ["delivered MiB/s", "tail p50 ms", "tail p99 ms"],
    run(url, count, secs) {
      const load: FollowersLoad = {
        basin: BASIN,
        stream: "followed",
        followers: count,
        mibPerSec: FOLLOWED_MIB_PER_SEC,
      };
      return followers(url, load, secs);
    },
  },
  {
    name: "offered-mib",
    of: "MiB/s of 8 KiB records offered to one stream, followed and read again (s2 bench)",
    sizes: [1, 5, 20, 50, 125, 250, 500],
    drawn: ["write MiB/s", "ack p50 ms", "ack p99 ms"],
    needs: "s2",
    async run(url, mibPerSec, secs) {
      const { writtenMiB: _, ...figures } = await s2Bench(url, BASIN, mibPerSec, secs);
      return figures;
    },
  },
];

function streamsPrefix(streams: number): string {
  return `of-${streams}-`;
}

/** A basin whose streams come into being with their first record. */
export async function prepareBasin(url: string): Promise<void> {
  const answer = await fetch(`${url}/v1/basins`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ basin: BASIN, config: { create_stream_on_append: true } }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`the basin was not created: ${answer.status} ${text}`);
  for (const stream of ["one", "sized", "followed"]) await found(url, stream, undefined);
}

/** `streams` of a prefix, numbered; or one of that very name. */
async function found(url: string, prefix: string, streams: number | undefined): Promise<void> {
  let next = 0;
  const headers = { "content-type": "application/json", "s2-basin": BASIN };
  await postAll(url, Math.min(FOUNDED_AT_ONCE, streams ?? 1), headers, () => {
    if (next === (streams ?? 1)) return undefined;
    const name = streams === undefined ? prefix : `${prefix}${next}`;
    next += 1;
    return { path: `/v1/streams/${name}/records`, body: RECORD };
  });
}
