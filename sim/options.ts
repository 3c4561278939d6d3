// The arguments of `npm run sim`.
import { parseArgs } from "node:util";

export const USAGE = `npm run sim -- --seed N [--trace] [--history] [--operations N] [--faults N]
    replays one seed exactly; with --trace, every event of it
npm run sim -- --seeds N [--from S] [--jobs J] [--quiet]
    runs N seeds from S on (default: fresh ones); exits with 1 when one fails
npm run sim -- --seconds N [--jobs J] [--quiet]
    runs as many fresh seeds as fit into N seconds`;

export interface SimOptions {
  readonly seed: number | undefined;
  readonly trace: boolean;
  readonly history: boolean;
  readonly operations: number | undefined;
  readonly faults: number | undefined;
  readonly seeds: number | undefined;
  readonly from: number | undefined;
  /** Seeds are begun for this long. */
  readonly seconds: number | undefined;
  readonly jobs: number;
  readonly quiet: boolean;
}

/** Errors: TypeError with a sentence about what is wrong. */
export function parseOptions(args: readonly string[]): SimOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: "string" },
      trace: { type: "boolean", default: false },
      history: { type: "boolean", default: false },
      operations: { type: "string" },
      faults: { type: "string" },
      seeds: { type: "string" },
      from: { type: "string" },
      seconds: { type: "string" },
      jobs: { type: "string", default: "1" },
      quiet: { type: "boolean", default: false },
    },
  });
  const number = (name: string, text: string | undefined): number | undefined => {
    if (text === undefined) return undefined;
    if (!/^[0-9]{1,15}$/.test(text)) throw new TypeError(`--${name} takes a whole number`);
    return Number(text);
  };
  const options: SimOptions = {
    seed: number("seed", values.seed),
    trace: values.trace,
    history: values.history,
    operations: number("operations", values.operations),
    faults: number("faults", values.faults),
    seeds: number("seeds", values.seeds),
    from: number("from", values.from),
    seconds: number("seconds", values.seconds),
    jobs: Math.max(1, number("jobs", values.jobs) ?? 1),
    quiet: values.quiet,
  };
  const given = [options.seed, options.seeds, options.seconds].filter((value) => value !== undefined);
  if (given.length !== 1) throw new TypeError("one of --seed, --seeds and --seconds must be given");
  return options;
}
