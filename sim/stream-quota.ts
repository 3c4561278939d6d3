// Whether no basin ever had more streams than the operator allows, by what its log says. Those that are being deleted count until they are removed.
import { BASIN_REMOVED, CREATED, entriesInForce, REMOVED } from "./world/log-entries.ts";
import type { World } from "./world/world.ts";

/** The basin of the streams that the system itself writes, which no quota binds. */
const SYSTEM_BASIN = "0".repeat(32);

export function judgeStreamQuota(world: World, streamsPerBasin: number | undefined): void {
  if (streamsPerBasin === undefined) return;
  const streams = new Map<string, Set<string>>();
  const basins = new Map<string, string>();
  for (const { kind, streamId, payload } of entriesInForce(world.bucket.logged)) {
    if (kind === BASIN_REMOVED) streams.delete(streamId);
    if (kind === REMOVED) streams.get(basins.get(streamId) ?? "")?.delete(streamId);
    if (kind !== CREATED) continue;
    const { basinId } = JSON.parse(payload.toString()) as { readonly basinId: string };
    const of = streams.get(basinId) ?? new Set();
    streams.set(basinId, of.add(streamId));
    basins.set(streamId, basinId);
    if (of.size > streamsPerBasin && basinId !== SYSTEM_BASIN)
      world.violation(`a basin has ${of.size} streams, and its quota allows ${streamsPerBasin}`);
  }
}
