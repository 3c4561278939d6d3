// `tailrace store stats`: what is in a store, what of it still counts, and what it costs.
import { systemRuntime } from "@tailrace/engine/runtime";
import { type ObjectCount, type StoreStats, storeStats } from "@tailrace/engine/store-tools";
import { ExitError } from "../exit-codes.ts";
import { sizeText } from "../human-size.ts";
import { withView } from "./open-view.ts";
import { ProgressLine } from "./progress-line.ts";
import { StoreExit } from "./store-exit.ts";
import { DEFAULT_STORE_PRICES, readStorePrices, type StorePrices } from "./store-prices.ts";
import { counted, plural } from "./text.ts";

const GIB = 2 ** 30;

export interface StatsCommandOptions {
  readonly walStore?: string;
  readonly json?: boolean;
  readonly pricesFile?: string;
}

/** Prints figures. Errors: ExitError (StoreExit). */
export async function stats(store: string, options: StatsCommandOptions): Promise<void> {
  const prices = options.pricesFile === undefined ? DEFAULT_STORE_PRICES : await readStorePrices(options.pricesFile);
  const line = new ProgressLine();
  const found = await withView(store, StoreExit.undone, options, (view) =>
    storeStats({
      runtime: systemRuntime,
      view,
      onProgress: ({ objects, bytes }) => line.show(() => `${counted(objects, "object")}, ${sizeText(bytes)}`),
    }),
  ).finally(() => line.clear());
  const costs = costsOf(found, prices);
  process.stdout.write(
    options.json === true ? `${JSON.stringify(statsJson(found, costs), null, 2)}\n` : statsText(found, costs),
  );
  const { count } = found.damage;
  if (count > 0)
    throw new ExitError(
      StoreExit.bad,
      `${found.store} is damaged, and the figures may be wrong: ${counted(count, "finding")}, which "tailrace store check" tells`,
    );
}

interface Costs {
  readonly monthUsd: number;
  readonly putsUsd: number;
  readonly startUsd: number;
}

function costsOf({ total, puts, startReads }: StoreStats, prices: StorePrices): Costs {
  return {
    monthUsd: (total.bytes / GIB) * prices.storageGibMonth,
    putsUsd: (puts / 1e6) * prices.putMillion,
    startUsd: (startReads / 1e6) * prices.getMillion,
  };
}

function statsJson(stats: StoreStats, { monthUsd, putsUsd, startUsd }: Costs): object {
  const { objects, records, oldestChunk } = stats;
  return {
    store: stats.store,
    deployment: stats.deploymentId,
    manifest: stats.manifestVersion ?? null,
    epoch: stats.epoch,
    log_start: stats.logStart,
    log_end: stats.logEnd,
    streams: stats.streams,
    objects: { ...objects, total: stats.total },
    record_bytes: { live: records.live, dead: records.dead },
    space_amplification: stats.spaceAmplification ?? null,
    oldest_chunk:
      oldestChunk === undefined
        ? null
        : {
            place: oldestChunk.place,
            at: oldestChunk.wallMs === undefined ? null : new Date(oldestChunk.wallMs).toISOString(),
          },
    puts: stats.puts,
    start_reads: stats.startReads,
    cost_usd: { storage_month: monthUsd, puts: putsUsd, start: startUsd },
    damage_count: stats.damage.count,
  };
}

function statsText(stats: StoreStats, { monthUsd, putsUsd, startUsd }: Costs): string {
  const { objects, records, total, spaceAmplification, oldestChunk } = stats;
  const row = (what: string, { count, bytes }: ObjectCount) =>
    `  ${what.padEnd(12)} ${String(count).padStart(9)} ${sizeText(bytes).padStart(9)}`;
  const lines = [
    `${stats.store}, deployment ${stats.deploymentId}`,
    `  epoch ${stats.epoch}, manifest ${stats.manifestVersion ?? "none"}, log ${stats.logStart} to ${stats.logEnd}`,
    `  ${counted(stats.streams, "stream")}`,
    `  records: ${sizeText(records.live)} to be read, ${sizeText(records.dead)} trimmed or deleted`,
    ...(spaceAmplification === undefined
      ? []
      : [`  space amplification ${spaceAmplification.toFixed(2)}: bytes stored for each byte to be read`]),
    ...(oldestChunk === undefined
      ? []
      : [
          `  oldest chunk ${oldestChunk.place}${oldestChunk.wallMs === undefined ? "" : `, of ${new Date(oldestChunk.wallMs).toISOString()}`}`,
        ]),
    "",
    `  ${"objects".padEnd(12)} ${"number".padStart(9)} ${"bytes".padStart(9)}`,
    row("segments", objects.segments),
    row("log", objects.log),
    row("manifests", objects.manifests),
    row("deployment", objects.deployment),
    row("garbage", objects.garbage),
    row("all", total),
    "",
    `  keeping it costs ${usdText(monthUsd)} a month`,
    `  ${stats.puts} ${plural(stats.puts, "put")} since it was founded cost ${usdText(putsUsd)}`,
    `  a start reads ${counted(stats.startReads, "object")}, for ${usdText(startUsd)}`,
  ];
  return `${lines.join("\n")}\n`;
}

/** Two digits that mean something, however small. */
function usdText(usd: number): string {
  return `$${usd >= 0.995 ? usd.toFixed(2) : usd === 0 ? "0" : Number(usd.toPrecision(2)).toFixed(Math.max(2, 1 - Math.floor(Math.log10(usd))))}`;
}
