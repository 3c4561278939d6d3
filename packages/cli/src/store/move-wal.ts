// `tailrace store move-wal`: gives the log another store.
import { type ObjectStore, openStore } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { type MoveLogReport, moveLog } from "@tailrace/engine/store-tools";
import { ExitError } from "../exit-codes.ts";
import { sizeText } from "../human-size.ts";
import { sameStore } from "../same-store.ts";
import { expecting, using } from "./open-view.ts";
import { ProgressLine } from "./progress-line.ts";
import { StoreExit } from "./store-exit.ts";
import { counted } from "./text.ts";

export interface MoveWalCommandOptions {
  /** Where the log is kept; undefined for the store itself. */
  readonly walStore?: string;
  readonly to: string;
  readonly takeOver?: boolean;
  readonly json?: boolean;
  readonly s3Sse?: string;
}

/** Errors: ExitError (StoreExit). */
export async function moveWal(url: string, options: MoveWalCommandOptions): Promise<void> {
  const { walStore, to, takeOver, json } = options;
  const line = new ProgressLine();
  const opened = (storeUrl: string) => openStore(storeUrl, systemRuntime, options);
  const isHome = walStore !== undefined && sameStore(to, walStore);
  const report = await expecting(StoreExit.undone, () =>
    using(opened(url), (store) => {
      const move = (from: ObjectStore | undefined, target: ObjectStore | undefined) =>
        moveLog({
          runtime: systemRuntime,
          store,
          from,
          to: target,
          deposesOwner: takeOver === true,
          onProgress: ({ objects, bytes }) => line.show(() => `${counted(objects, "object")}, ${sizeText(bytes)}`),
        });
      const moveFrom = (from?: ObjectStore) => {
        if (sameStore(to, url)) return move(from, undefined);
        return isHome ? move(from, from) : using(opened(to), (target) => move(from, target));
      };
      return walStore === undefined ? moveFrom() : using(opened(walStore), moveFrom);
    }),
  ).finally(() => line.clear());
  process.stdout.write(json === true ? `${JSON.stringify(moveJson(url, report), null, 2)}\n` : moveText(url, report));
  const [first] = report.undeleted;
  if (first !== undefined)
    throw new ExitError(
      StoreExit.undone,
      `the log has moved, and ${counted(report.undeleted.length, "object")} of the old one may still be there, ${first.key} for one: ${first.error.message}`,
    );
}

function moveJson(store: string, { deploymentId, to, moved, objects, bytes, undeleted }: MoveLogReport): object {
  return {
    store,
    deployment: deploymentId,
    log_in: to,
    moved,
    objects,
    bytes,
    undeleted: undeleted.map(({ key, error }) => ({ key, error: error.message })),
  };
}

function moveText(store: string, { deploymentId, to, moved, objects, bytes }: MoveLogReport): string {
  if (!moved) return `The log of ${store}, deployment ${deploymentId}, stays in ${to}\n`;
  return `The log of ${store}, deployment ${deploymentId}, lies in ${to} now\n  ${counted(objects, "object")}, ${sizeText(bytes)}\n`;
}
