// What the commands of benchmarks have in common: the load's length and how often it is measured, and which programs there are to measure with.
import { spawnSync } from "node:child_process";
import type { ServerName } from "./servers/server.ts";

/** For `parseArgs`, beside options of a command's own. */
export const LOAD_OPTIONS = {
  secs: { type: "string" },
  rounds: { type: "string" },
  out: { type: "string" },
  help: { type: "boolean", default: false },
} as const;

interface Load {
  readonly secs: number;
  /** How often each is measured. */
  readonly rounds: number;
}

/** What was asked for. Where that is help it is printed, and the process ends; so it does, with 2, where it is no number. */
export function loadAskedFor(
  values: { readonly secs?: string | undefined; readonly rounds?: string | undefined; readonly help: boolean },
  help: string,
  usual: Load,
): Load {
  if (values.help) {
    console.log(help);
    process.exit(0);
  }
  const secs = Number(values.secs ?? usual.secs);
  const rounds = Number(values.rounds ?? usual.rounds);
  if (secs > 0 && Number.isSafeInteger(rounds) && rounds > 0) return { secs, rounds };
  console.error(`--secs and --rounds take numbers above 0\n\n${help}`);
  process.exit(2);
}

export function isInstalled(program: string): boolean {
  return spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;
}

/** The servers that can be measured here, and why others can't. */
export function measurableServers(): { readonly names: readonly ServerName[]; readonly skipped: string[] } {
  if (isInstalled("s2")) return { names: ["tailrace", "s2-lite"], skipped: [] };
  return { names: ["tailrace"], skipped: ["s2 is not on the PATH"] };
}
