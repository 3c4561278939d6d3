// `tailrace store check`: looks at everything in a store and says what is damaged.
import { systemRuntime } from "@tailrace/engine/runtime";
import { type CheckReport, checkStore, type StoredObject } from "@tailrace/engine/store-tools";
import { ExitError } from "../exit-codes.ts";
import { sizeText } from "../human-size.ts";
import { withView } from "./open-view.ts";
import { ProgressLine } from "./progress-line.ts";
import { StoreExit } from "./store-exit.ts";
import { bytesOf, plural } from "./text.ts";

/** Prints a report. Errors: ExitError (StoreExit) unless the store is clean. */
export async function check(
  store: string,
  options: { readonly walStore?: string; readonly json?: boolean },
): Promise<void> {
  const line = new ProgressLine();
  const report = await withView(store, StoreExit.undone, options, (view) =>
    checkStore({
      runtime: systemRuntime,
      view,
      onProgress: ({ objects, bytes, totalBytes }) =>
        line.show(() => `${objects} objects, ${sizeText(bytes)} of about ${sizeText(Math.max(bytes, totalBytes))}`),
    }),
  ).finally(() => line.clear());
  process.stdout.write(options.json === true ? `${JSON.stringify(checkJson(report), null, 2)}\n` : checkText(report));
  const { count } = report.damage;
  if (count > 0) throw new ExitError(StoreExit.bad, `${report.store} is damaged: ${count} ${plural(count, "finding")}`);
}

function checkJson(report: CheckReport): object {
  const { store, deploymentId, manifestVersion, epoch, logStart, logEnd, segments, streams, records } = report;
  return {
    store,
    deployment: deploymentId,
    manifest: manifestVersion ?? null,
    epoch,
    log_start: logStart,
    log_end: logEnd,
    segments,
    streams,
    records,
    objects_read: report.objects,
    bytes_read: report.bytes,
    damage_count: report.damage.count,
    damage: report.damage.told.map(({ key, what }) => ({ key, what })),
    garbage: Object.fromEntries(
      garbageKinds(report).map(([name, , objects]) => [
        name,
        { count: objects.length, bytes: bytesOf(objects), keys: objects.slice(0, MAX_KEYS).map(({ key }) => key) },
      ]),
    ),
    restarts: report.restarts,
  };
}

/** Keys of garbage that are told one by one. */
const MAX_KEYS = 100;

function garbageKinds({ garbage }: CheckReport): readonly (readonly [string, string, readonly StoredObject[]])[] {
  return [
    ["flushed_chunks", "chunks that have become segments, and wait to be deleted", garbage.flushedChunks],
    ["void_chunks", "chunks in flight, or thrown away by a later owner", garbage.voidChunks],
    ["old_manifests", "manifest versions that were followed", garbage.oldManifests],
    ["orphaned_segments", "segments that no manifest names", garbage.orphanedSegments],
    ["unnamed_segments", "segments on their way, or replaced", garbage.unnamedSegments],
    ["strangers", "objects that are not Tailrace's data", garbage.strangers],
  ];
}

function checkText(report: CheckReport): string {
  const { damage, restarts } = report;
  const lines = [
    `${report.store}, deployment ${report.deploymentId}`,
    `  epoch ${report.epoch}, manifest ${report.manifestVersion ?? "none"}, log ${report.logStart} to ${report.logEnd}`,
    `  ${report.streams} ${plural(report.streams, "stream")}, ${report.records} records, ${report.segments} ${plural(report.segments, "segment")}`,
    `  read ${report.objects} objects, ${sizeText(report.bytes)}${restarts > 0 ? `; it was in use: ${restarts} times something had moved` : ""}`,
  ];
  const lying = garbageKinds(report).filter(([, , objects]) => objects.length > 0);
  if (lying.length > 0) lines.push("", "Lies about, and is no damage:");
  for (const [, what, objects] of lying) lines.push(`  ${objects.length} ${what} (${sizeText(bytesOf(objects))})`);
  lines.push("", damage.count === 0 ? "No damage." : `Damage, ${damage.count} ${plural(damage.count, "finding")}:`);
  for (const { key, what } of damage.told) lines.push(`  ${key}: ${what}`);
  if (damage.told.length < damage.count) lines.push(`  … and ${damage.count - damage.told.length} more`);
  return `${lines.join("\n")}\n`;
}
