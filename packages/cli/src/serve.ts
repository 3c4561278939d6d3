// `tailrace serve`: opens the store, takes it over, listens, and stops cleanly. Every way to fail ends in one sentence and a code.
import { readFile } from "node:fs/promises";
import { CorruptObjectError, DeploymentError, Engine, type EngineLogger, type Location } from "@tailrace/engine";
import { ObjectStoreError } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { type Prices, type RunningServer, type StoreMeter, startServer, type TlsFiles } from "@tailrace/server";
import { destination, type Logger, pino } from "pino";
import { ExitCode, ExitError } from "./exit-codes.ts";
import { applyInitFile, type InitFile, readInitFile } from "./init-file.ts";
import { applyLocationsFile, readLocationsFile } from "./locations-file.ts";
import type { ServeOptions } from "./options.ts";
import { readPricesFile } from "./prices-file.ts";
import { type Quotas, readQuotasFile } from "./quotas-file.ts";
import { type ServedStores, servedStores } from "./served-stores.ts";
import { haltError, StopSignal } from "./stop-signal.ts";
import { tlsFiles } from "./tls.ts";
import { type OpenTelemetry, openTelemetry } from "./tracing/open-telemetry.ts";
import { type TraceSettings, traceSettings } from "./tracing/trace-settings.ts";
import { tracedTakeover } from "./tracing/traced-takeover.ts";

/** Requests may take this long to end once a shutdown has begun. */
const DRAIN_GRACE_MS = 4_000;
/** After this a shutdown is given up: the store does not answer. */
const SHUTDOWN_DEADLINE_MS = 15_000;

/** Runs until it is told to stop. Errors: ExitError. */
export async function serve(options: ServeOptions): Promise<void> {
  const rootToken = await readRootToken(options);
  if (rootToken === undefined && !isLoopback(options.listen.host) && options.insecureOpen !== true) {
    throw new ExitError(
      ExitCode.usage,
      `refusing to listen on ${options.listen.host} while any access token is accepted: give --root-token-file or TAILRACE_ROOT_TOKEN, or --insecure-open if that is meant`,
    );
  }
  const settings = await readSettings(options, rootToken);
  const logger = pino({ level: options.logLevel, base: null }, destination({ fd: 2, sync: true }));
  const { traces } = settings;
  const telemetry = traces === undefined ? undefined : await openTelemetry(traces, logger);
  try {
    await serveUntilStopped(options, settings, logger, telemetry);
  } finally {
    await telemetry?.close();
  }
}

async function serveUntilStopped(
  options: ServeOptions,
  settings: Settings,
  logger: Logger,
  telemetry: OpenTelemetry | undefined,
): Promise<void> {
  const { rootToken, init, locations } = settings;
  const stop = new StopSignal();
  const { engine, stores } = await startEngine(options, settings, logger, telemetry, stop);
  let server: RunningServer | undefined;
  try {
    server = await listenOrExit(options, engine, settings, logger, stores.meter, telemetry);
    await startedOrExit(engine, options.store, stop);
    if (locations !== undefined) await unlessStopped(applyLocationsFile(engine, locations), stop);
    if (init !== undefined) await unlessStopped(applyInitFile(engine, init), stop);
  } catch (error) {
    server?.close();
    await engine
      .close()
      .catch((closing: unknown) => logger.debug({ error: String(closing) }, "closing after a failed start"));
    throw error;
  }
  printBanner(options, server.url, stores.store.description, rootToken !== undefined);
  const offHangUp = rootToken === undefined ? undefined : onHangUp(options, server, logger);
  try {
    await stop.requested;
  } catch (error) {
    server.close();
    await engine.close().catch((closing: unknown) => logger.debug({ error: String(closing) }, "closing after a halt"));
    throw error;
  }
  offHangUp?.();
  logger.info({}, "stopping: no new requests, what was accepted is brought to its end");
  const deadline = setTimeout(() => {
    logger.error({}, "the object store did not take the last writes in time");
    process.exit(ExitCode.failure);
  }, SHUTDOWN_DEADLINE_MS);
  await server.drain(DRAIN_GRACE_MS);
  server.close();
  await closedOrExit(engine, stop);
  clearTimeout(deadline);
  logger.info({}, "stopped");
}

/** Over its store, each wrapped in what looks at it. Errors: ExitError (store). */
async function startEngine(
  options: ServeOptions,
  { quotas }: Settings,
  logger: Logger,
  telemetry: OpenTelemetry | undefined,
  stop: StopSignal,
): Promise<{ readonly engine: Engine; readonly stores: ServedStores }> {
  const stores = await servedStores(options, telemetry);
  const { store, logStore, traced } = stores;
  const start = () =>
    Engine.start({
      runtime: systemRuntime,
      store,
      logStore,
      logger,
      cacheBytes: options.memory,
      streamsPerBasin: quotas?.streamsPerBasin,
      onHalt: (error) => stop.fail(haltError(error)),
    });
  const engine = telemetry === undefined ? start() : tracedTakeover(telemetry, traced, start);
  return { engine, stores };
}

/** What the options and the environment refer to. */
interface Settings {
  readonly rootToken: string | undefined;
  readonly tls: TlsFiles | undefined;
  readonly init: InitFile | undefined;
  readonly prices: Prices | undefined;
  readonly locations: readonly Location[] | undefined;
  readonly quotas: Quotas | undefined;
  readonly traces: TraceSettings | undefined;
}

/** Errors: ExitError (usage) that names the file. */
async function readSettings(options: ServeOptions, rootToken: string | undefined): Promise<Settings> {
  const given = <T>(path: string | undefined, read: (path: string) => Promise<T>) =>
    path === undefined ? undefined : read(path);
  return {
    rootToken,
    tls: await tlsFiles(options),
    init: await given(options.initFile, readInitFile),
    prices: await given(options.pricesFile, readPricesFile),
    locations: await given(options.locationsFile, readLocationsFile),
    quotas: await given(options.quotasFile, readQuotasFile),
    traces: traceSettings(process.env),
  };
}

async function closedOrExit(engine: Engine, stop: StopSignal): Promise<void> {
  try {
    await engine.close();
  } catch (error) {
    throw stop.failure ?? new ExitError(ExitCode.failure, error instanceof Error ? error.message : String(error));
  }
  if (stop.failure !== undefined) throw stop.failure;
}

/** From its file or the environment; undefined where neither is given. Errors: ExitError (usage). */
async function readRootToken(options: ServeOptions): Promise<string | undefined> {
  const { rootTokenFile } = options;
  if (rootTokenFile !== undefined) return readTokenFile(rootTokenFile);
  const token = process.env.TAILRACE_ROOT_TOKEN?.trim();
  return token === "" ? undefined : token;
}

/** SIGHUP: the root token is read again. The answer takes the handler off. */
function onHangUp(options: ServeOptions, server: RunningServer, logger: EngineLogger): () => void {
  const reread = () => {
    readRootToken(options).then(
      (token) => {
        if (token === undefined) return;
        server.replaceRootToken(token);
        logger.info({}, "the root token was read again");
      },
      (error: unknown) => logger.error({ error: String(error) }, "the root token stays as it was"),
    );
  };
  process.on("SIGHUP", reread);
  return () => process.off("SIGHUP", reread);
}

async function readTokenFile(path: string): Promise<string> {
  let token: string;
  try {
    token = (await readFile(path, "utf8")).trim();
  } catch (error) {
    throw new ExitError(
      ExitCode.usage,
      `the root token file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  if (token === "") throw new ExitError(ExitCode.usage, `the root token file ${path} is empty`);
  return token;
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127\.[0-9]+\.[0-9]+\.[0-9]+$/.test(host);
}

async function listenOrExit(
  options: ServeOptions,
  engine: Engine,
  settings: Settings,
  logger: EngineLogger,
  storeMeter: StoreMeter,
  tracing: OpenTelemetry | undefined,
): Promise<RunningServer> {
  const { host, port } = options.listen;
  try {
    return await startServer({
      engine,
      runtime: systemRuntime,
      logger,
      host,
      port,
      tls: settings.tls,
      cors: options.cors,
      rootToken: settings.rootToken,
      metricsAuth: options.metricsAuth,
      storeMeter,
      tracing,
      prices: settings.prices,
      basinDomain: options.basinDomain,
      appendQuotas: settings.quotas?.appends,
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why =
      code === "EADDRINUSE"
        ? "the port is in use"
        : code === "EACCES"
          ? "permission is denied"
          : error instanceof Error
            ? error.message
            : String(error);
    throw new ExitError(ExitCode.listen, `cannot listen on ${host}:${port}: ${why}`);
  }
}

/** A part of the start, which ends early when the process is told to stop or the engine halts. Errors: ExitError for those. */
async function unlessStopped(part: Promise<void>, stop: StopSignal): Promise<void> {
  const stopped = stop.requested.then(() => Promise.reject(new ExitError(ExitCode.ok, "stopped while starting")));
  try {
    await Promise.race([part, stopped]);
  } catch (error) {
    // What a halted engine answers is not the reason.
    throw stop.failure ?? error;
  }
}

async function startedOrExit(engine: Engine, store: string, stop: StopSignal): Promise<void> {
  try {
    await unlessStopped(engine.started, stop);
  } catch (error) {
    if (error instanceof DeploymentError) throw new ExitError(ExitCode.store, error.message);
    if (error instanceof CorruptObjectError)
      throw new ExitError(ExitCode.corrupt, `${error.message}; nothing was changed`);
    if (error instanceof ObjectStoreError)
      throw new ExitError(ExitCode.store, `${store} cannot be used: ${error.message}`);
    throw error;
  }
}

/** What stands for the root token in a shell: it is never printed. */
function rootTokenInShell(options: ServeOptions): string {
  return options.rootTokenFile === undefined ? '"$TAILRACE_ROOT_TOKEN"' : `$(cat ${options.rootTokenFile})`;
}

function printBanner(options: ServeOptions, url: string, store: string, hasToken: boolean): void {
  const lines = [
    `Tailrace listens on ${url}`,
    `and stores in ${store}${store === "memory:" ? " (gone when it stops)" : ""}${options.walStore === undefined ? "" : `, its log in ${options.walStore}`}`,
    "",
    `export S2_ACCOUNT_ENDPOINT=${url}`,
    `export S2_BASIN_ENDPOINT=${url}`,
    `export S2_ACCESS_TOKEN=${hasToken ? rootTokenInShell(options) : "ignored"}`,
    "",
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}
