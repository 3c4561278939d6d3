// The server: an engine behind the S2 API on one port. Starts, drains and stops; everything else is in the parts.
import type { EngineApi } from "@tailrace/engine";
import type { Runtime } from "@tailrace/engine/runtime";
import { Audit } from "./access/audit.ts";
import { Authenticator } from "./access/authenticator.ts";
import { Answering, type AnsweringLogger } from "./answering.ts";
import { Drain } from "./drain.ts";
import { HttpShell } from "./http-shell.ts";
import { Metrics, type StoreMeter } from "./metrics.ts";
import { type ConnectionDeadlines, PlainPort, type TlsFiles } from "./plain-port.ts";
import { DEFAULT_PRICES, type Prices } from "./prices.ts";
import { type AppendQuotaOptions, AppendQuotas } from "./quota/append-quotas.ts";
import { Router } from "./router.ts";
import { FrameMemory } from "./s2s/frame-memory.ts";
import type { Tracing } from "./tracing.ts";
import { Unfinished } from "./unfinished.ts";

export interface ServerOptions {
  readonly engine: EngineApi;
  readonly runtime: Runtime;
  readonly logger: AnsweringLogger;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly tls?: TlsFiles | undefined;
  /** Default: true. */
  readonly cors?: boolean;
  /** Without one, whoever presents no issued token may do everything. */
  readonly rootToken?: string | undefined;
  /** Requests to `BASIN.` and this host are for that basin, without the header that else names it. */
  readonly basinDomain?: string | undefined;
  /** Whether /metrics needs a token that permits account-metrics. Default: false. */
  readonly metricsAuth?: boolean | undefined;
  /** Default: no limits. */
  readonly appendQuotas?: AppendQuotaOptions | undefined;
  /** How long connections may keep silent. */
  readonly deadlines?: ConnectionDeadlines;
  /** What estimates of costs are made with. Default: DEFAULT_PRICES. */
  readonly prices?: Prices | undefined;
  /** Who is told of requests as spans. Default: nobody. */
  readonly tracing?: Tracing | undefined;
  /** What is shown of the object store, by /metrics. */
  readonly storeMeter?: StoreMeter;
}

export interface RunningServer {
  readonly host: string;
  readonly port: number;
  /** `http://host:port` or `https://…`. */
  readonly url: string;
  /** The root token is another from now on. Only where there is one. */
  replaceRootToken(token: string): void;
  /** Stops accepting, tells sessions, and resolves when all requests have been answered or the grace is over. */
  drain(graceMs: number): Promise<void>;
  /** Breaks off what is left. */
  close(): void;
}

/** How long clients have to go once everything is answered. */
const LINGER_MS = 1_000;
/** How often a draining server looks whether its clients have gone. */
const DRAIN_POLL_MS = 20;

/** Errors: those of listening (EADDRINUSE, EACCES, …). */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { engine, runtime, logger } = options;
  const drain = new Drain();
  const metrics = new Metrics(() => engine.stats(), options.storeMeter ?? { counts: {} }, runtime.branches);
  const audit = new Audit(logger, runtime);
  const unfinished = new Unfinished();
  const authenticator = new Authenticator(engine.accessTokens, runtime, options.rootToken);
  const answering = new Answering({
    context: {
      engine,
      runtime,
      metrics,
      drain,
      audit,
      prices: options.prices ?? DEFAULT_PRICES,
      quotas: new AppendQuotas(options.appendQuotas ?? { perBasin: {}, perToken: {} }, runtime),
      unfinished,
      frameMemory: new FrameMemory(),
    },
    router: new Router(),
    authenticator,
    metricsAuth: options.metricsAuth ?? false,
    basinDomain: options.basinDomain?.toLowerCase(),
    tracing: options.tracing,
    logger,
  });
  const shell = new HttpShell({ answering, runtime, cors: options.cors ?? true, unfinished, logger });
  let active = 0;
  const ended = () => {
    active -= 1;
  };
  const port = new PlainPort({
    runtime,
    tls: options.tls,
    deadlines: options.deadlines,
    handle(request, response) {
      active += 1;
      void shell.handle(request, response).finally(ended);
    },
    answer(request) {
      const answer = answering.answer(request);
      if (!(answer instanceof Promise)) return answer;
      active += 1;
      return answer.finally(ended);
    },
  });
  const address = await port.listen(options.host, options.port);
  const host = address.family === "IPv6" ? `[${address.address}]` : address.address;
  return {
    host: address.address,
    port: address.port,
    url: `${options.tls === undefined ? "http" : "https"}://${host}:${address.port}`,
    replaceRootToken: (token) => authenticator.replaceRootToken(token),
    async drain(graceMs) {
      drain.begin();
      port.stopAccepting();
      const untilMs = runtime.clock.monotonicMs() + graceMs;
      const poll = () =>
        new Promise<void>((resolve) => {
          runtime.timers.set(DRAIN_POLL_MS, resolve);
        });
      while (active > 0 && runtime.clock.monotonicMs() < untilMs) await poll();
      // What was answered last is still on its way: a connection that is broken off before its client has gone may lose it.
      const lingerUntilMs = Math.min(untilMs, runtime.clock.monotonicMs() + LINGER_MS);
      while (port.connections > 0 && runtime.clock.monotonicMs() < lingerUntilMs) await poll();
    },
    close() {
      port.destroy();
      audit.sayLeftOut();
    },
  };
}
