// `tailrace kv serve`: opens the log, catches up, serves clients, and stops cleanly.
import { S2Environment } from "@s2-dev/streamstore";
import { Store } from "@tailrace/kv";
import { createS2Log, type Log, LogError, type S2LogOptions, StoppedError } from "@tailrace/replica";
import { destination, type Logger, pino } from "pino";
import { ExitCode, ExitError } from "../exit-codes.ts";
import { StopSignal } from "../stop-signal.ts";
import { EmbeddedTailrace } from "./embedded-tailrace.ts";
import type { KvServeOptions, LogAddress } from "./kv-command.ts";
import { Ports } from "./ports.ts";

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
  const logger = pino({ level: options.logLevel, base: null }, destination({ fd: 2, sync: true }));
  const stop = new StopSignal();
  let store: Store | undefined;
  const ports = await Ports.open(options, () => store, logger);
  let embedded: EmbeddedTailrace | undefined;
  try {
    if (options.stream === undefined) {
      const { store: url, walStore, memory: memoryBytes, s3Sse } = options;
      embedded = await EmbeddedTailrace.start({ store: url, walStore, s3Sse, memoryBytes, logger, stop });
    }
    store = await unlessStopped(openStore(options, embedded, logger), stop);
    store.stopped.then(({ message, cause }) => {
      if (cause !== undefined) stop.fail(new ExitError(ExitCode.failure, message));
    });
    printBanner(options, ports, embedded);
    await stop.requested;
  } catch (error) {
    await closeAll(ports, store, embedded, 0).catch((closing: unknown) =>
      logger.debug({ error: String(closing) }, "closing after a failure"),
    );
    throw error;
  }
  logger.info({}, "stopping: no new commands, those under way are answered");
  const deadline = setTimeout(() => {
    logger.error({}, "the log did not take the last writes in time");
    process.exit(ExitCode.failure);
  }, SHUTDOWN_DEADLINE_MS);
  await closeAll(ports, store, embedded, DRAIN_GRACE_MS);
  clearTimeout(deadline);
  if (stop.failure !== undefined) throw stop.failure;
  logger.info({}, "stopped");
}

/** First who asks, then who answers. */
async function closeAll(
  ports: Ports,
  store: Store | undefined,
  embedded: EmbeddedTailrace | undefined,
  graceMs: number,
): Promise<void> {
  await ports.close(graceMs);
  await store?.close();
  await embedded?.close();
}

/** Caught up. Errors: ExitError (store). */
async function openStore(
  { stream: address = EMBEDDED, maxMemory, listen, history }: KvServeOptions,
  embedded: EmbeddedTailrace | undefined,
  logger: Logger,
): Promise<Store> {
  const { basin, stream } = address;
  try {
    const open = embedded === undefined ? remoteLogs(basin) : (name: string) => embedded.log({ basin, stream: name });
    return await Store.open({
      log: await open(stream),
      snapshots: { log: await open(`${stream}.snapshots`) },
      maxBytes: maxMemory,
      historyBytes: listen === undefined ? 0 : history,
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

/** Streams of the endpoint that the environment names. */
function remoteLogs(basin: string): (stream: string) => Promise<Log> {
  const client = clientOfEnvironment();
  return (stream) => createS2Log({ client, basin, stream });
}

function clientOfEnvironment(): S2LogOptions["client"] {
  const { accessToken, ...rest } = S2Environment.parse();
  if (accessToken === undefined) throw new ExitError(ExitCode.usage, "S2_ACCESS_TOKEN is not set");
  return { accessToken, ...rest };
}

/** As `work`, unless the process is told to stop first. Errors: ExitError. */
async function unlessStopped<T>(work: Promise<T>, stop: StopSignal): Promise<T> {
  const stopped = stop.requested.then(() => Promise.reject(new ExitError(ExitCode.ok, "stopped while starting")));
  return Promise.race([work, stopped]);
}

function printBanner(options: KvServeOptions, ports: Ports, embedded: EmbeddedTailrace | undefined): void {
  const { basin, stream } = options.stream ?? EMBEDDED;
  const kept =
    embedded === undefined
      ? `and writes to s2://${basin}/${stream}`
      : `and stores in ${embedded.description}${options.store === "memory:" ? " (gone when it stops)" : ""}`;
  process.stdout.write(`Tailrace KV listens on ${ports.urls.join("\nand on ")}\n${kept}\n`);
}
