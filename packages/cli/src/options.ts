// The options of `tailrace serve`: each a flag and an environment variable.
import { totalmem } from "node:os";
import { Command, InvalidArgumentError, Option } from "commander";
import { ExitCode, ExitError } from "./exit-codes.ts";
import { parseSizeBytes } from "./human-size.ts";
import { s3SseOption } from "./s3-sse-option.ts";
import { walStoreOption } from "./wal-store-option.ts";

export interface ServeOptions {
  readonly listen: { readonly host: string; readonly port: number };
  readonly store: string;
  readonly walStore?: string;
  readonly s3Sse?: string;
  /** Bytes. */
  readonly memory: number;
  readonly cacheDir?: string;
  /** Bytes. */
  readonly cacheSize: number;
  readonly rootTokenFile?: string;
  readonly initFile?: string;
  readonly locationsFile?: string;
  readonly quotasFile?: string;
  readonly metricsAuth?: boolean;
  readonly pricesFile?: string;
  readonly basinDomain?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsSelf?: boolean;
  readonly cors: boolean;
  readonly insecureOpen?: boolean;
  readonly logLevel: string;
}

/** Of the machine's memory, or of what this process may have of it. */
const DEFAULT_MEMORY_SHARE = 1 / 4;
/** Below this no chunk would stay for those who follow the tail. */
const MIN_MEMORY_BYTES = 16 * 1024 * 1024;
/** A cache of fewer blocks than are read ahead would keep nothing that is read again. */
const MIN_CACHE_BYTES = 16 * 1024 * 1024;

export function defaultMemoryBytes(): number {
  // 0 or something beyond all measure where no limit is set on the process.
  const limit = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.max(MIN_MEMORY_BYTES, Math.floor(Math.min(totalmem(), limit) * DEFAULT_MEMORY_SHARE));
}

export function parseMemory(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes === undefined || bytes < MIN_MEMORY_BYTES)
    throw new InvalidArgumentError("it must be a size of at least 16MiB, such as 512MiB or 4GiB");
  return bytes;
}

function parseCacheSize(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes === undefined || bytes < MIN_CACHE_BYTES)
    throw new InvalidArgumentError("it must be a size of at least 16MiB, such as 10GiB");
  return bytes;
}

export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error", "silent"];

/** `HOST:PORT`, `[V6]:PORT` or `:PORT`. */
export function parseListen(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^:\s]*)):([0-9]{1,5})$/.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) throw new InvalidArgumentError("it must be HOST:PORT, such as 127.0.0.1:8080");
  const host = match[1] ?? match[2];
  return { host: host === "" ? "127.0.0.1" : host, port };
}

function parseDomain(text: string): string {
  if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(text)) {
    throw new InvalidArgumentError("it must be a host name without a port, such as b.example.com");
  }
  return text;
}

export function parseStore(text: string): string {
  if (!/^(file:.+|memory:|s3:\/\/.+)$/.test(text))
    throw new InvalidArgumentError("it must be file:DIR, memory: or s3://BUCKET/PREFIX");
  return text;
}

const ON = ["1", "true", "yes", "on"];
const OFF = ["0", "false", "no", "off", ""];

/**
 * Makes variables of options without a value mean what they say: the parser takes the mere presence of one, `false` included, for yes.
 * Takes those that say no out of `environment`. Errors: ExitError (usage) for what is neither.
 */
export function readSwitches(command: Command, environment: NodeJS.ProcessEnv): void {
  for (const { envVar, required, optional } of command.options) {
    if (envVar === undefined || required || optional) continue;
    const value = environment[envVar]?.trim().toLowerCase();
    if (value === undefined || ON.includes(value)) continue;
    if (!OFF.includes(value)) throw new ExitError(ExitCode.usage, `${envVar} must be true or false, not "${value}"`);
    delete environment[envVar];
  }
}

export function serveCommand(run: (options: ServeOptions) => Promise<void>): Command {
  return new Command("serve")
    .description("Serve streams over the S2 API, kept in an object store.")
    .addOption(
      new Option("--listen <host:port>", "address to listen on; port 0 picks a free one")
        .env("TAILRACE_LISTEN")
        .argParser(parseListen)
        .default(parseListen("127.0.0.1:8080"), "127.0.0.1:8080"),
    )
    .addOption(
      new Option("--store <url>", "where data is kept: file:DIR, memory: (lost at exit) or s3://BUCKET/PREFIX")
        .env("TAILRACE_STORE")
        .argParser(parseStore)
        .default("file:./tailrace-data"),
    )
    .addOption(
      walStoreOption(
        "a store of its own for the log, such as a local disk beside a bucket; chosen once, with a new store",
      ),
    )
    .addOption(s3SseOption())
    .addOption(
      new Option("--memory <size>", "memory for records written lately or fetched from the store, such as 512MiB")
        .env("TAILRACE_MEMORY")
        .argParser(parseMemory)
        .default(defaultMemoryBytes(), "a quarter of the machine's"),
    )
    .addOption(
      new Option("--cache-dir <dir>", "directory on a local disk for what was fetched from an s3:// store").env(
        "TAILRACE_CACHE_DIR",
      ),
    )
    .addOption(
      new Option("--cache-size <size>", "with --cache-dir, how much is kept there at most")
        .env("TAILRACE_CACHE_SIZE")
        .argParser(parseCacheSize)
        .default(10 * 1024 ** 3, "10GiB"),
    )
    .addOption(
      new Option(
        "--root-token-file <path>",
        "file with the root access token, which permits everything; read again on SIGHUP; without one any token is accepted",
      ).env("TAILRACE_ROOT_TOKEN_FILE"),
    )
    .addOption(
      new Option(
        "--prices-file <path>",
        "JSON file of prices in US dollars, for estimates of what usage costs; without one, those of S3 Standard",
      ).env("TAILRACE_PRICES_FILE"),
    )
    .addOption(
      new Option("--metrics-auth", "let /metrics be read only with a token that permits account-metrics").env(
        "TAILRACE_METRICS_AUTH",
      ),
    )
    .addOption(
      new Option("--basin-domain <domain>", "take requests to BASIN.DOMAIN for that basin, without the header s2-basin")
        .env("TAILRACE_BASIN_DOMAIN")
        .argParser(parseDomain),
    )
    .addOption(
      new Option("--init-file <path>", "JSON file of basins and streams to create or update on start").env(
        "TAILRACE_INIT_FILE",
      ),
    )
    .addOption(
      new Option(
        "--locations-file <path>",
        "JSON file of the locations that basins may live in, with their storage classes; stored, and kept until given again",
      ).env("TAILRACE_LOCATIONS_FILE"),
    )
    .addOption(
      new Option(
        "--quotas-file <path>",
        "JSON file of what basins and tokens may have at most: streams, appends and bytes a second",
      ).env("TAILRACE_QUOTAS_FILE"),
    )
    .addOption(
      new Option("--tls-cert <path>", "PEM certificate chain; serves HTTPS, with --tls-key").env("TAILRACE_TLS_CERT"),
    )
    .addOption(new Option("--tls-key <path>", "PEM private key").env("TAILRACE_TLS_KEY"))
    .addOption(
      new Option("--tls-self", "serve HTTPS with a certificate made on start, for tests and trials")
        .env("TAILRACE_TLS_SELF")
        .conflicts(["tlsCert", "tlsKey"]),
    )
    .addOption(new Option("--no-cors", "do not answer cross-origin requests from browsers").env("TAILRACE_NO_CORS"))
    .addOption(
      new Option("--insecure-open", "listen beyond loopback although any token is accepted").env(
        "TAILRACE_INSECURE_OPEN",
      ),
    )
    .addOption(
      new Option("--log-level <level>", "what to log, as JSON lines on standard error")
        .env("TAILRACE_LOG_LEVEL")
        .choices(LOG_LEVELS)
        .default("info"),
    )
    .addHelpText(
      "after",
      `
The root token may also be given in TAILRACE_ROOT_TOKEN.

For s3:// stores, endpoint, region and credentials come from the standard AWS environment:
AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE and so on.

Traces are sent to an OpenTelemetry collector when its standard variables ask for that: OTEL_EXPORTER_OTLP_ENDPOINT,
OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER and so on.

Exit codes: 0 stopped cleanly, 1 unexpected failure, 2 wrong arguments, 3 store cannot be opened,
4 address cannot be listened on, 5 corrupt object, 6 another process took over.`,
    )
    .action((options: ServeOptions) => run(options));
}
