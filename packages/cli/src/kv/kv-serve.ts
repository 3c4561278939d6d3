// `tailrace kv serve`: opens the log, catches up, serves Redis clients, and stops cleanly.
import { readFile } from "node:fs/promises";
import { S2, S2Environment } from "@s2-dev/streamstore";
import { HttpPort, RespServer, Store } from "@tailrace/kv";
import { createS2Log, type Log, LogError, type S2LogOptions, StoppedError } from "@tailrace/replica";
import { destination, type Logger, pino } from "pino";
import { ExitCode, ExitError } from "../exit-codes.ts";
import { isLoopback } from "../serve.ts";
import { StopSignal } from "../stop-signal.ts";
import { tlsFiles } from "../tls.ts";
import { VERSION } from "../version.ts";
import { EmbeddedTailrace } from "./embedded-tailrace.ts";
import type { KvServeOptions, LogAddress } from "./kv-command.ts";

/** Where the log of an embedded Tailrace is. */
const EMBEDDED: LogAddress = { basin: "tailrace-kv", stream: "kv" };
/** Commands may take this long to be answered once a shutdown has begun. */
const DRAIN_GRACE_MS = 4_000;
/** After this a shutdown is given up: the log does not answer. */
const SHUTDOWN_DEADLINE_MS = 20_000;
/** However long the log is, it is read. */
const OPEN_TIMEOUT_MS = 24 * 60 * 60 * 1000;

/** Runs until it is told to stop. Errors: ExitError. */
export async function serveKv(options: KvServeOptions): Promise<void> {
  const password = await readPassword(options);
  const { host } = options.redis;
  if (password === undefined && !isLoopback(host) && options.insecureOpen !== true) {
    throw new ExitError(
      ExitCode.usage,
      `refusing to listen on ${host} while no password is asked for: give --password-file or TAILRACE_KV_PASSWORD, or --insecure-open if that is meant`,
    );
  }
  const tls = await tlsFiles({ ...options, listen: options.redis });
  const logger = pino({ level: options.logLevel, base: null }, destination({ fd: 2, sync: true }));
  const stop = new StopSignal();
  let store: Store | undefined;
  const server = await listenOrExit(options.redis, (address) =>
    RespServer.listen({
      ...address,
      tls,
      store: () => store,
      password,
      maxClients: options.maxClients,
      version: VERSION,
      log: logger,
    }),
  );
  let http: HttpPort | undefined;
  let embedded: EmbeddedTailrace | undefined;
  try {
    if (options.listen !== undefined) {
      http = await listenOrExit(options.listen, (address) =>
        HttpPort.listen({ ...address, store: () => store, redis: server }),
      );
    }
    if (options.stream === undefined) {
      const { store: url, memory: memoryBytes } = options;
      embedded = await EmbeddedTailrace.start({ store: url, memoryBytes, logger, stop });
    }
    store = await unlessStopped(openStore(options, embedded, logger), stop);
    store.stopped.then(({ message, cause }) => {
      if (cause !== undefined) stop.fail(new ExitError(ExitCode.failure, message));
    });
    printBanner(options, server, http, embedded, tls !== undefined);
    await stop.requested;
  } catch (error) {
    await closeAll(server, http, store, embedded, 0).catch((closing: unknown) =>
      logger.debug({ error: String(closing) }, "closing after a failure"),
    );
    throw error;
  }
  logger.info({}, "stopping: no new commands, those under way are answered");
  const deadline = setTimeout(() => {
    logger.error({}, "the log did not take the last writes in time");
    process.exit(ExitCode.failure);
  }, SHUTDOWN_DEADLINE_MS);
  await closeAll(server, http, store, embedded, DRAIN_GRACE_MS);
  clearTimeout(deadline);
  if (stop.failure !== undefined) throw stop.failure;
  logger.info({}, "stopped");
}

/** First who asks, then who answers. */
async function closeAll(
  server: RespServer,
  http: HttpPort | undefined,
  store: Store | undefined,
  embedded: EmbeddedTailrace | undefined,
  graceMs: number,
): Promise<void> {
  await server.close(graceMs);
  await http?.close();
  await store?.close();
  await embedded?.close();
}

/** From its file or the environment; undefined where neither is given. Errors: ExitError (usage). */
async function readPassword({ passwordFile }: KvServeOptions): Promise<string | undefined> {
  if (passwordFile === undefined) {
    const password = process.env.TAILRACE_KV_PASSWORD?.trim();
    return password === "" ? undefined : password;
  }
  let password: string;
  try {
    password = (await readFile(passwordFile, "utf8")).trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ExitError(ExitCode.usage, `the password file ${passwordFile} cannot be read: ${why}`);
  }
  if (password === "") throw new ExitError(ExitCode.usage, `the password file ${passwordFile} is empty`);
  return password;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

async function listenOrExit<T>(address: Address, listen: (address: Address) => Promise<T>): Promise<T> {
  try {
    return await listen(address);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why = code === "EADDRINUSE" ? "the port is in use" : error instanceof Error ? error.message : String(error);
    throw new ExitError(ExitCode.listen, `cannot listen on ${address.host}:${address.port}: ${why}`);
  }
}

/** Caught up. Errors: ExitError (store). */
async function openStore(
  { stream: address = EMBEDDED, maxMemory }: KvServeOptions,
  embedded: EmbeddedTailrace | undefined,
  logger: Logger,
): Promise<Store> {
  const { basin, stream } = address;
  try {
    const client = embedded === undefined ? clientOfEnvironment() : clientOf(embedded);
    if (embedded !== undefined) await createBasin(client, basin);
    const open = (name: string): Promise<Log> => createS2Log({ client, basin, stream: name });
    return await Store.open({
      log: await open(stream),
      snapshots: { log: await open(`${stream}.snapshots`) },
      maxBytes: maxMemory,
      openTimeoutMs: OPEN_TIMEOUT_MS,
      onProblem: (problem) => logger.warn({ problem: String(problem) }, "something went wrong in the background"),
    });
  } catch (error) {
    if (error instanceof LogError || error instanceof StoppedError) {
      throw new ExitError(ExitCode.store, `the log s2://${basin}/${stream} cannot be used: ${error.message}`);
    }
    throw error;
  }
}

function clientOf({ url, token }: EmbeddedTailrace): S2LogOptions["client"] {
  return { accessToken: token, endpoints: { account: url, basin: url } };
}

function clientOfEnvironment(): S2LogOptions["client"] {
  const { accessToken, ...rest } = S2Environment.parse();
  if (accessToken === undefined) throw new ExitError(ExitCode.usage, "S2_ACCESS_TOKEN is not set");
  return { accessToken, ...rest };
}

async function createBasin(client: S2LogOptions["client"], basin: string): Promise<void> {
  await new S2(client).basins.ensure({ basin });
}

/** As `work`, unless the process is told to stop first. Errors: ExitError. */
async function unlessStopped<T>(work: Promise<T>, stop: StopSignal): Promise<T> {
  const stopped = stop.requested.then(() => Promise.reject(new ExitError(ExitCode.ok, "stopped while starting")));
  return Promise.race([work, stopped]);
}

function printBanner(
  options: KvServeOptions,
  server: RespServer,
  http: HttpPort | undefined,
  embedded: EmbeddedTailrace | undefined,
  tls: boolean,
): void {
  const { host } = options.redis;
  const { basin, stream } = options.stream ?? EMBEDDED;
  const inUrl = (name: string): string => (name.includes(":") ? `[${name}]` : name);
  const address = `${tls ? "rediss" : "redis"}://${inUrl(host)}:${server.port}`;
  const kept =
    embedded === undefined
      ? `and writes to s2://${basin}/${stream}`
      : `and stores in ${embedded.description}${options.store === "memory:" ? " (gone when it stops)" : ""}`;
  const healthy =
    http === undefined || options.listen === undefined
      ? ""
      : `and tells its health at http://${inUrl(options.listen.host)}:${http.port}/health\n`;
  process.stdout.write(`Tailrace KV listens on ${address}\n${kept}\n${healthy}`);
}
