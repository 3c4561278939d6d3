// What befalls requests on their way to the bucket and back: probabilities that change over a simulation. No effect in here.

export interface Weather {
  readonly name: string;
  /** What it befalls: a store may throttle one prefix and not another, and a log may have a store of its own. */
  readonly about: "everything" | "the log" | "all but the log" | "puts to the log" | "ranged gets";
  /** One way of a request, mostly. */
  readonly latencyMs: number;
  /** Refused, certainly without effect: throttling, a server that is overloaded. */
  readonly refused: number;
  /** The request is lost on its way. */
  readonly requestLost: number;
  /** It takes effect, and the answer is lost. */
  readonly answerLost: number;
  /** A put is stuck somewhere on its way, and takes effect long after. */
  readonly late: number;
  /** Gets, lists and puts that take many times as long as they should. */
  readonly stalled: number;
  /** No space is left: puts fail without effect. */
  readonly full: boolean;
  /** Credentials are refused. */
  readonly denied: number;
}

const CALM: Weather = {
  name: "calm",
  about: "everything",
  latencyMs: 8,
  refused: 0,
  requestLost: 0,
  answerLost: 0,
  late: 0,
  stalled: 0,
  full: false,
  denied: 0,
};

export const WEATHERS = {
  calm: CALM,
  slow: { ...CALM, name: "slow", latencyMs: 250, stalled: 0.02 },
  /** One request in many takes for ever, the others do not. */
  hiccups: { ...CALM, name: "hiccups", stalled: 0.06 },
  stalling: { ...CALM, name: "stalling", latencyMs: 20, stalled: 0.3 },
  crawling: { ...CALM, name: "crawling", latencyMs: 100, stalled: 0.7 },
  throttled: { ...CALM, name: "throttled", latencyMs: 15, refused: 0.5 },
  flaky: { ...CALM, name: "flaky", latencyMs: 25, refused: 0.1, requestLost: 0.08, answerLost: 0.2, late: 0.04 },
  ambiguous: { ...CALM, name: "ambiguous", latencyMs: 20, answerLost: 0.5 },
  late: { ...CALM, name: "late", latencyMs: 30, late: 0.3, answerLost: 0.05 },
  full: { ...CALM, name: "full", full: true },
  away: { ...CALM, name: "away", requestLost: 1 },
  denied: { ...CALM, name: "denied", denied: 0.7 },
  logStalling: { ...CALM, name: "the log is stalling", about: "the log", stalled: 0.5 },
  appendsStalling: { ...CALM, name: "appends are stalling", about: "puts to the log", stalled: 0.5 },
  logLate: { ...CALM, name: "the log is late", about: "the log", late: 0.3 },
  logAway: { ...CALM, name: "the log is away", about: "the log", requestLost: 1 },
  readsStalling: { ...CALM, name: "reads are stalling", about: "ranged gets", stalled: 0.15 },
  flushStalling: { ...CALM, name: "flushes are stalling", about: "all but the log", stalled: 0.8 },
  flushAmbiguous: { ...CALM, name: "flushes are ambiguous", about: "all but the log", answerLost: 0.5 },
  flushAway: { ...CALM, name: "flushes are away", about: "all but the log", requestLost: 1 },
} as const satisfies Readonly<Record<string, Weather>>;
