// `tailrace store repair`: cuts a damaged log off, when the operator has been told what is lost and says yes.
import { systemRuntime } from "@tailrace/engine/runtime";
import { planRepair, type RepairPlan, type RepairReport, repair } from "@tailrace/engine/store-tools";
import { ExitError } from "../exit-codes.ts";
import { sizeText } from "../human-size.ts";
import { withStore, withView } from "./open-view.ts";
import { ProgressLine } from "./progress-line.ts";
import { StoreExit } from "./store-exit.ts";
import { counted } from "./text.ts";

export interface RepairCommandOptions {
  readonly discardFrom: number;
  readonly yes?: boolean;
  readonly json?: boolean;
  readonly walStore?: string;
  readonly s3Sse?: string;
}

/** Findings and streams that are told one by one. */
const MAX_TOLD = 20;

/** Errors: ExitError (StoreExit). */
export async function repairStore(url: string, options: RepairCommandOptions): Promise<void> {
  const { discardFrom: fromPlace } = options;
  if (options.yes !== true) {
    const line = new ProgressLine();
    let bytes = 0;
    const onObject = (ofBytes: number) => {
      bytes += ofBytes;
      line.show(() => `${sizeText(bytes)} read`);
    };
    const plan = await withView(url, StoreExit.undone, options, (view) =>
      planRepair({ runtime: systemRuntime, view, fromPlace, onObject }),
    ).finally(() => line.clear());
    process.stdout.write(
      options.json === true
        ? `${JSON.stringify({ ...planJson(plan), repaired: false }, null, 2)}\n`
        : planText(plan, "would be lost"),
    );
    throw new ExitError(StoreExit.bad, "nothing was changed: with --yes the log is cut off there, for good");
  }
  const report = await withStore(url, StoreExit.undone, options, (store, view) =>
    repair({ runtime: systemRuntime, store, view, fromPlace }),
  );
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ ...planJson(report.plan), repaired: true, ...reportJson(report) }, null, 2)}\n`
      : `${planText(report.plan, "is lost")}\nThe log goes on at place ${report.nextPlace}, under epoch ${report.epoch}. "tailrace store check" tells what else there is.\n`,
  );
}

function planJson(plan: RepairPlan): object {
  return {
    store: plan.store,
    deployment: plan.deploymentId,
    discard_from: plan.fromPlace,
    damaged_place: plan.damagedPlace,
    damage_count: plan.damageCount,
    damage: plan.damage.map(({ key, what }) => ({ key, what })),
    lost: {
      objects: plan.lostObjects,
      bytes: plan.lostBytes,
      streams: plan.lostStreams.map(({ id, name, records, fromSeqNum }) => ({
        id,
        name: name ?? null,
        records,
        from_seq_num: fromSeqNum,
      })),
    },
  };
}

function reportJson({ epoch, manifestVersion, nextPlace, fences }: RepairReport): object {
  return { epoch, manifest: manifestVersion, next_place: nextPlace, fences };
}

function planText(plan: RepairPlan, what: string): string {
  const { lostStreams, damage, damageCount } = plan;
  const records = lostStreams.reduce((sum, stream) => sum + stream.records, 0);
  const lines = [
    `${plan.store}, deployment ${plan.deploymentId}`,
    `  the log is damaged at place ${plan.damagedPlace}:`,
    ...damage.slice(0, MAX_TOLD).map(({ key, what: each }) => `    ${key}: ${each}`),
    ...(damageCount > MAX_TOLD ? [`    … and ${damageCount - MAX_TOLD} more`] : []),
    "",
    `From place ${plan.fromPlace} on, ${what}:`,
    `  ${counted(plan.lostObjects, "object")} of the log, ${sizeText(plan.lostBytes)}`,
    `  ${counted(records, "record")} of ${counted(lostStreams.length, "stream")}, as far as they can be read, and whatever else was done since`,
    ...lostStreams
      .slice(0, MAX_TOLD)
      .map(
        ({ id, name, records: ofStream, fromSeqNum }) =>
          `    ${name ?? `the stream ${id}`}: ${counted(ofStream, "record")} from sequence number ${fromSeqNum} on`,
      ),
    ...(lostStreams.length > MAX_TOLD ? [`    … and ${lostStreams.length - MAX_TOLD} more streams`] : []),
  ];
  return `${lines.join("\n")}\n`;
}
