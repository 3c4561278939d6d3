// What is looked at during a soak, once an interval: figures as measured, from the server's own metrics and from its clients.

/** Counted over one interval, unless said otherwise. */
export interface Sample {
  /** Since the load began, at the end of the interval. */
  readonly atSecs: number;
  readonly rssMiB: number;
  readonly heapUsedMiB: number;
  readonly openFds: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly tailP50Ms: number;
  readonly tailP99Ms: number;
  readonly appends: number;
  readonly recordsRead: number;
  readonly errors: number;
}

/** One gauge of Prometheus text. Throws when it is not there: a figure that is missing must not pass for zero. */
export function gauge(text: string, name: string): number {
  const match = new RegExp(`^${name} ([0-9.eE+-]+)$`, "m").exec(text);
  if (match === null) throw new Error(`the server's metrics have no ${name}`);
  return Number(match[1]);
}
