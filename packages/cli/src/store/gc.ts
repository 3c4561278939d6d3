// `tailrace store gc`: deletes what nobody needs any more, or says what that is.
import { systemRuntime } from "@tailrace/engine/runtime";
import {
  type Collectable,
  type CollectReport,
  collectGarbage,
  findGarbage,
  type StoredObject,
} from "@tailrace/engine/store-tools";
import { ExitError } from "../exit-codes.ts";
import { sizeText } from "../human-size.ts";
import { withStore, withView } from "./open-view.ts";
import { ProgressLine } from "./progress-line.ts";
import { StoreExit } from "./store-exit.ts";
import { bytesOf, counted } from "./text.ts";

export interface GcCommandOptions {
  readonly dryRun?: boolean;
  readonly takeOver?: boolean;
  readonly json?: boolean;
  readonly walStore?: string;
  readonly s3Sse?: string;
}

/** Errors: ExitError (StoreExit). */
export async function gc(store: string, options: GcCommandOptions): Promise<void> {
  if (options.dryRun === true) {
    const found = await withView(store, StoreExit.undone, options, (view) => findGarbage(systemRuntime, view));
    print(options, { ...kindsJson(found), dry_run: true }, found, "would be deleted");
    return;
  }
  const line = new ProgressLine();
  const { found, undeleted, requests }: CollectReport = await withStore(
    store,
    StoreExit.undone,
    options,
    (opened, view) =>
      collectGarbage({
        runtime: systemRuntime,
        store: opened,
        view,
        deposesOwner: options.takeOver === true,
        onProgress: ({ deleted, total }) => line.show(() => `${deleted} of ${counted(total, "object")} deleted`),
      }),
  ).finally(() => line.clear());
  const left = undeleted.map(({ key, error }) => ({ key, error: error.message }));
  print(options, { ...kindsJson(found), dry_run: false, requests, undeleted: left }, found, "deleted");
  const [first] = undeleted;
  if (first !== undefined)
    throw new ExitError(
      StoreExit.undone,
      `${counted(undeleted.length, "object")} may still be there, ${first.key} for one: ${first.error.message}`,
    );
}

function kinds(found: Collectable): readonly (readonly [string, string, readonly StoredObject[]])[] {
  return [
    ["flushed_chunks", "chunks that have become segments", found.flushedChunks],
    ["old_manifests", "manifest versions that were followed", found.oldManifests],
    ["orphaned_segments", "segments that no manifest names", found.orphanedSegments],
  ];
}

function kindsJson(found: Collectable): object {
  return Object.fromEntries(
    kinds(found).map(([name, , objects]) => [
      name,
      { count: objects.length, bytes: bytesOf(objects), keys: objects.map(({ key }) => key) },
    ]),
  );
}

function print(options: GcCommandOptions, json: object, found: Collectable, what: string): void {
  const all = Object.values(found).flat();
  const lines = kinds(found)
    .filter(([, , objects]) => objects.length > 0)
    .map(([, of, objects]) => `  ${objects.length} ${of} (${sizeText(bytesOf(objects))})`);
  const text = `${counted(all.length, "object")}, ${sizeText(bytesOf(all))}, ${what}\n${lines.map((each) => `${each}\n`).join("")}`;
  process.stdout.write(options.json === true ? `${JSON.stringify(json, null, 2)}\n` : text);
}
