// `tailrace store copy`: from laptop to bucket, and as a backup.
import { CorruptObjectError } from "@tailrace/engine";
import { systemRuntime } from "@tailrace/engine/runtime";
import { type CopyReport, CopyTarget, copyStore, deploymentIn } from "@tailrace/engine/store-tools";
import { ExitError } from "../exit-codes.ts";
import { sizeText } from "../human-size.ts";
import { withNewStore, withView } from "./open-view.ts";
import { ProgressLine } from "./progress-line.ts";
import { StoreExit } from "./store-exit.ts";
import { counted } from "./text.ts";

export interface CopyCommandOptions {
  readonly resume?: boolean;
  readonly json?: boolean;
  /** Of the source. */
  readonly walStore?: string;
  readonly s3Sse?: string;
}

/** Errors: ExitError (StoreExit). */
export async function copy(from: string, to: string, options: CopyCommandOptions): Promise<void> {
  const line = new ProgressLine();
  const report = await withView(from, StoreExit.undone, options, async (source) => {
    const deployment = await deploymentIn(systemRuntime, source);
    return withNewStore(to, StoreExit.undone, options, async (store, view) => {
      const claim = { runtime: systemRuntime, store, view, resumes: options.resume === true };
      const target = await CopyTarget.claim(claim, deployment);
      try {
        return await copyStore({
          runtime: systemRuntime,
          source,
          target,
          deployment,
          onProgress: ({ objects, bytes }) => line.show(() => `${counted(objects, "object")}, ${sizeText(bytes)}`),
        });
      } catch (error) {
        if (!(error instanceof CorruptObjectError)) throw error;
        throw new ExitError(
          StoreExit.bad,
          `${source.description} is damaged: ${error.message}. "tailrace store check" tells all of it; the copy is not finished`,
        );
      }
    });
  }).finally(() => line.clear());
  process.stdout.write(
    options.json === true ? `${JSON.stringify(copyJson(from, to, report), null, 2)}\n` : copyText(from, to, report),
  );
}

function copyJson(source: string, target: string, report: CopyReport): object {
  return {
    source,
    target,
    deployment: report.deploymentId,
    manifest: report.manifestVersion ?? null,
    segments: report.segments,
    log_start: report.logStart,
    log_end: report.logEnd,
    objects: report.objects,
    bytes: report.bytes,
    found: report.found,
  };
}

function copyText(source: string, target: string, report: CopyReport): string {
  const { found } = report;
  const lines = [
    `${source} is copied to ${target}, deployment ${report.deploymentId}`,
    `  manifest ${report.manifestVersion ?? "none"}, log ${report.logStart} to ${report.logEnd}, ${counted(report.segments, "segment")}`,
    `  ${counted(report.objects, "object")}, ${sizeText(report.bytes)}${found.objects === 0 ? "" : `; ${sizeText(found.bytes)} of it were there`}`,
  ];
  return `${lines.join("\n")}\n`;
}
