// How figures grow with what is asked: each sweep is one load at several sizes.
import { type FollowersLoad, followers } from "../load/followers.ts";
import { postAll } from "../load/post.ts";
import { wrk } from "../load/wrk.ts";
import type { Figures } from "../report.ts";

export const BASIN = "bench-basin";
const MIB = 1024 * 1024;
/** Of the loads that are about something else. */
const CLIENTS = 64;
const FEW_CLIENTS = 16;
const FOLLOWED_MIB_PER_SEC = 0.25;
const FOUNDED_AT_ONCE = 256;
const RECORD = Buffer.from(JSON.stringify({ records: [{ body: "first" }] }));

export interface Sweep {
  readonly name: string;
  /** What the sizes are of. */
  readonly of: string;
  readonly sizes: readonly number[];
  /** The figures that are drawn, a panel each. */
  readonly drawn: readonly string[];
  readonly needs?: "wrk";
  run(url: string, size: number, secs: number): Promise<Figures>;
}

export const SWEEPS: readonly Sweep[] = [
  {
    name: "clients",
    of: "clients, each with small appends to one stream, one after the other",
    sizes: [1, 4, 16, 64, 256, 1024, 4096],
    drawn: ["requests/s", "p50 ms", "p99 ms"],
    needs: "wrk",
    run: (url, clients, secs) =>
      wrk(url, BASIN, { connections: clients, script: "append.lua", path: "/v1/streams/one/records" }, secs),
  },
  {
    name: "streams",
    of: `streams, appended to at random by ${CLIENTS} clients`,
    sizes: [1, 100, 10_000, 100_000],
    drawn: ["requests/s", "p50 ms", "p99 ms"],
    needs: "wrk",
    async run(url, streams, secs) {
      const prefix = `of-${streams}-`;
      await found(url, prefix, streams);
      const load = { connections: CLIENTS, script: "append-streams.lua", path: `/v1/streams/${prefix}` };
      return wrk(url, BASIN, { ...load, args: [String(streams)] }, secs);
    },
  },
  {
    name: "record-bytes",
    of: `bytes of a record, appended by ${FEW_CLIENTS} clients, one record at a time`,
    sizes: [16, 256, 4096, 65_536, 1_000_000],
    drawn: ["MiB/s", "p50 ms", "p99 ms"],
    needs: "wrk",
    async run(url, bytes, secs) {
      const load = { connections: FEW_CLIENTS, script: "append-sized.lua", path: "/v1/streams/sized/records" };
      const figures = await wrk(url, BASIN, { ...load, args: [String(bytes)] }, secs);
      return { ...figures, "MiB/s": (figures["requests/s"] * bytes) / MIB };
    },
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
];

/** A basin whose streams come into being with their first record. */
export async function prepare(url: string): Promise<void> {
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
