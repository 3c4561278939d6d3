// The metrics of account, basin and stream (API: metrics): which sets there are, what they are made of, and what a range may be.
import { INTERVAL_SECS, type UsageInterval, type UsagePoint, type UsageRange, type UsageSums } from "@tailrace/engine";
import { basinTarget, streamOfBasinTarget } from "../access/targets.ts";
import { type ApiRequest, jsonReply, type Reply } from "../api-request.ts";
import type { Context } from "../context.ts";
import { ApiError } from "../errors.ts";
import { costs } from "../prices.ts";

const MAX_RANGE_SECS = 90 * 86_400;
/** Of `active-basins`: it names whoever was there at any time, and the official SDK counts on a shorter bound than that of series. */
const MAX_LABEL_RANGE_SECS = 31 * 86_400;
/** An end that is ten minutes ahead is refused. Half a minute less, so that one that was ten minutes ahead when it was sent still is. */
const MAX_AHEAD_SECS = 600 - 30;
const MAX_SECS = 0xffff_ffff;

type Metric =
  | { readonly accumulation: { name: string; unit: string; interval: UsageInterval; values: Values } }
  | { readonly gauge: { name: string; unit: string; values: Values } }
  | { readonly label: { name: string; values: readonly string[] } };
type Values = readonly (readonly [number, number])[];

export async function accountMetrics(context: Context, request: ApiRequest): Promise<Reply> {
  request.access.require("account-metrics");
  const { usage } = context.engine;
  const set = request.query.string("set");
  switch (set) {
    case "active-basins": {
      const { fromSecs, toSecs } = range(context, request, ["minute", "hour", "day"], "hour", MAX_LABEL_RANGE_SECS);
      const basins = await usage.activeBasins(fromSecs, toSecs);
      // Those that the asker may know of.
      return reply([{ label: { name: set, values: basins.filter((name) => request.access.admitsBasin(name)) } }]);
    }
    case "account-ops": {
      const asked = range(context, request, ["minute", "hour", "day"], "hour");
      return reply(accumulations(await usage.ofAccount(asked), asked, "op:", "operations"));
    }
    case "estimated-billable-usage": {
      const asked = range(context, request, ["hour", "day"], "hour");
      const totals = await usage.totals({ ...asked, interval: "hour" });
      return reply(
        costs(totals, context.prices, asked.interval).map(({ name, values }) => ({
          accumulation: { name, unit: "usd", interval: asked.interval, values },
        })),
      );
    }
    default:
      throw unknownSet(set);
  }
}

export async function basinMetrics(context: Context, request: ApiRequest): Promise<Reply> {
  const basin = basinTarget(request, "basin-metrics");
  const { usage } = context.engine;
  const set = request.query.string("set");
  if (set === "storage") {
    const points = await usage.storageOfBasin(basin, range(context, request, ["hour"], "hour"));
    return reply(storage(points));
  }
  const series = BASIN_SERIES.get(set ?? "");
  if (series === undefined) throw unknownSet(set);
  const asked = range(context, request, ["minute", "hour", "day"], "hour");
  return reply(accumulations(await usage.ofBasin(basin, asked), asked, series.prefix, series.unit, series.name));
}

export async function streamMetrics(context: Context, request: ApiRequest): Promise<Reply> {
  const { basin, stream } = streamOfBasinTarget(request, "stream-metrics");
  const set = request.query.string("set");
  if (set !== "storage") throw unknownSet(set);
  const asked = range(context, request, ["minute"], "minute");
  return reply(storage(await context.engine.usage.storageOfStream(basin, stream, asked)));
}

/** What a set's series are counted under, and what the series is called where there is only one. */
const BASIN_SERIES: ReadonlyMap<string, { readonly prefix: string; readonly unit: string; readonly name?: string }> =
  new Map([
    ["append-ops", { prefix: "append-ops:", unit: "operations" }],
    ["read-ops", { prefix: "read-ops:", unit: "operations" }],
    ["append-throughput", { prefix: "append-bytes", unit: "bytes", name: "append-throughput" }],
    ["read-throughput", { prefix: "read-bytes", unit: "bytes", name: "read-throughput" }],
    ["basin-ops", { prefix: "op:", unit: "operations" }],
  ]);

function accumulations(used: UsageSums, asked: UsageRange, prefix: string, unit: string, name?: string): Metric[] {
  const metrics: Metric[] = [];
  for (const [key, sums] of [...used.sums].sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!key.startsWith(prefix)) continue;
    const values = used.periods.map((at, i) => [at, sums[i]] as const);
    metrics.push({
      accumulation: { name: name ?? key.slice(prefix.length), unit, interval: asked.interval, values },
    });
  }
  return metrics;
}

function storage(points: readonly UsagePoint[]): Metric[] {
  if (points.length === 0) return [];
  return [{ gauge: { name: "metered_size", unit: "bytes", values: points.map(({ at, value }) => [at, value]) } }];
}

function reply(values: readonly Metric[]): Reply {
  return jsonReply(200, { values });
}

function unknownSet(set: string | undefined): ApiError {
  return new ApiError("bad_query", set === undefined ? "set is missing" : "there is no such set of metrics here");
}

/** Errors: `bad_query` for what does not parse, `invalid` for what makes no sense. */
function range(
  context: Context,
  request: ApiRequest,
  intervals: readonly UsageInterval[],
  otherwise: UsageInterval,
  maxSecs: number = MAX_RANGE_SECS,
): UsageRange {
  const fromSecs = seconds(request, "start");
  const toSecs = seconds(request, "end");
  const interval = intervalOf(request) ?? otherwise;
  if (!intervals.includes(interval))
    throw new ApiError("invalid", `this set of metrics comes by the ${intervals.join(" or ")}`);
  if (fromSecs === undefined || toSecs === undefined) throw new ApiError("invalid", "start and end must be given");
  if (fromSecs > toSecs) throw new ApiError("invalid", "start is after end");
  if (toSecs > context.runtime.clock.wallMs() / 1000 + MAX_AHEAD_SECS)
    throw new ApiError("invalid", "end is too far in the future");
  if (toSecs - fromSecs > maxSecs) throw new ApiError("invalid", `a range spans at most ${maxSecs / 86_400} days`);
  return { interval, fromSecs, toSecs };
}

function seconds(request: ApiRequest, name: string): number | undefined {
  const value = request.query.count(name);
  if (value !== undefined && value > MAX_SECS) throw new ApiError("bad_query", `"${name}" must be seconds below 2^32`);
  return value;
}

function intervalOf(request: ApiRequest): UsageInterval | undefined {
  const text = request.query.string("interval");
  if (text === undefined) return undefined;
  for (const interval of Object.keys(INTERVAL_SECS) as UsageInterval[]) if (interval === text) return interval;
  throw new ApiError("bad_query", '"interval" must be minute, hour or day');
}
