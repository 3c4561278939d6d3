// What a row comes to: what its load measured, and what the server used meanwhile. The load's own names that no table shows go no further.
import type { Figures } from "./report.ts";
import type { Counters, Usage } from "./servers/server.ts";

const MIB_PER_GIB = 1024;

interface BeforeAndAfter<T> {
  readonly before: T;
  readonly after: T;
}

export interface Used {
  readonly elapsedSecs: number;
  readonly usage: BeforeAndAfter<Usage>;
  readonly counters: BeforeAndAfter<Counters>;
}

/** `measured` may hold `appends` and `writtenMiB`, that others are related to. */
export function figuresOf(measured: Figures, { elapsedSecs, usage, counters }: Used): Figures {
  const { appends, writtenMiB, ...figures } = measured;
  const cpuSecs = usage.after.cpuSecs - usage.before.cpuSecs;
  const requests = difference(counters.before.storeRequests, counters.after.storeRequests);
  const gcSecs = difference(counters.before.gcSecs, counters.after.gcSecs);
  return known({
    ...figures,
    "cpu seconds": cpuSecs,
    "cpu seconds / GiB": writtenMiB === undefined ? undefined : (cpuSecs * MIB_PER_GIB) / writtenMiB,
    "peak RSS MiB": usage.after.peakRssMiB,
    "event-loop delay p99 ms": counters.after.loopDelayP99Ms,
    "gc share": gcSecs === undefined ? undefined : gcSecs / elapsedSecs,
    "store requests": requests,
    "store requests / 1,000 appends":
      requests === undefined || appends === undefined ? undefined : (1000 * requests) / appends,
    "store requests / GiB":
      requests === undefined || writtenMiB === undefined ? undefined : (requests * MIB_PER_GIB) / writtenMiB,
  });
}

function difference(before: number | undefined, after: number | undefined): number | undefined {
  return before === undefined || after === undefined ? undefined : after - before;
}

function known(figures: Readonly<Record<string, number | undefined>>): Figures {
  return Object.fromEntries(
    Object.entries(figures).filter((entry): entry is [string, number] => entry[1] !== undefined),
  );
}
