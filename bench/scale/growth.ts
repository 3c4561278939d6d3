// A deployment that grows far beyond its memory: whether it stays as fast, as small, and as quick to start.
import type { Figures } from "../report.ts";
import type { BenchServer } from "../servers/server.ts";
import { appendBulk, rateBetween } from "./bulk.ts";

const MIB_PER_GIB = 1024;
/** What counts as the start and the end. */
const FIRST = 0.1;
const LAST = 0.9;

export async function growth(server: BenchServer, basin: string, gib: number): Promise<Figures> {
  const before = await server.counters();
  const samples = await appendBulk(server, basin, gib * MIB_PER_GIB);
  const after = await server.counters();
  const [first, last] = [rateBetween(samples, 0, FIRST), rateBetween(samples, LAST, 1)];
  const { peakRssMiB } = server.usage();
  const restartMs = await server.restart("SIGTERM");
  const killedRestartMs = await server.restart("SIGKILL");
  return {
    "appended GiB": gib,
    "MiB/s": rateBetween(samples, 0, 1),
    "MiB/s in the first tenth": first,
    "MiB/s in the last tenth": last,
    "last / first": last / first,
    "peak RSS MiB": peakRssMiB,
    "restart ms": restartMs,
    "restart ms after SIGKILL": killedRestartMs,
    "store requests / GiB": ((after.storeRequests ?? Number.NaN) - (before.storeRequests ?? Number.NaN)) / gib,
  };
}
