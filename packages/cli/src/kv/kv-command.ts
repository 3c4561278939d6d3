// `tailrace kv`: the key-value store, with its options: each a flag and an environment variable.
import { getHeapStatistics } from "node:v8";
import { Command, InvalidArgumentError, Option } from "commander";
import { parseSizeBytes } from "../human-size.ts";
import { defaultMemoryBytes, LOG_LEVELS, parseListen, parseMemory, parseStore } from "../options.ts";
import { s3SseOption } from "../s3-sse-option.ts";
import { walStoreOption } from "../wal-store-option.ts";

export interface KvServeOptions {
  readonly stream?: LogAddress;
  readonly redis: { readonly host: string; readonly port: number };
  /** For HTTP. */
  readonly listen?: { readonly host: string; readonly port: number };
  /** Bytes of remembered changes. */
  readonly history: number;
  readonly tokenFile?: string;
  readonly metricsAuth?: boolean;
  readonly store: string;
  /** Of the embedded Tailrace's objects. */
  readonly s3Sse?: string;
  readonly walStore?: string;
  /** Bytes, of the embedded Tailrace. */
  readonly memory: number;
  /** Bytes of keys and values; 0: any number. */
  readonly maxMemory: number;
  readonly maxClients: number;
  readonly passwordFile?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsSelf?: boolean;
  readonly insecureOpen?: boolean;
  readonly logLevel: string;
}

export interface LogAddress {
  readonly basin: string;
  readonly stream: string;
}

/** `s2://BASIN/STREAM`; a stream's name may have slashes. */
function parseStream(text: string): LogAddress {
  const match = /^s2:\/\/([^/]+)\/(.+)$/.exec(text);
  if (match === null) throw new InvalidArgumentError("it must be s2://BASIN/STREAM");
  return { basin: match[1], stream: match[2] };
}

function parseMaxMemory(text: string): number {
  const bytes = text === "0" ? 0 : parseSizeBytes(text);
  if (bytes === undefined) throw new InvalidArgumentError("it must be a size such as 512MiB, or 0 for no bound");
  return bytes;
}

/** Keys and values live on JavaScript's heap, and garbage beside them. */
function defaultMaxMemoryBytes(): number {
  return Math.floor(Math.min(getHeapStatistics().heap_size_limit / 2, 2 * defaultMemoryBytes()));
}

function parseHistory(text: string): number {
  const bytes = parseSizeBytes(text);
  if (bytes === undefined) throw new InvalidArgumentError("it must be a size such as 64MiB");
  return bytes;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError("it must be a number from 1 on");
  return count;
}

export function kvCommand(): Command {
  return new Command("kv")
    .description("A key-value store on a stream: Redis's commands, durable and linearizable, on many replicas.")
    .addCommand(serveKvCommand());
}

function serveKvCommand(): Command {
  return new Command("serve")
    .description(
      "Serve a replica of a key-value store to Redis clients and over HTTP. Start as many as you like against one stream.",
    )
    .addOption(
      new Option(
        "--stream <url>",
        "the log, as s2://BASIN/STREAM; created if it is not there. Without one, a Tailrace in this process keeps it in --store",
      )
        .env("TAILRACE_KV_STREAM")
        .argParser(parseStream),
    )
    .addOption(
      new Option("--redis <host:port>", "address for Redis clients; port 0 picks a free one")
        .env("TAILRACE_KV_REDIS")
        .argParser(parseListen)
        .default(parseListen("127.0.0.1:6379"), "127.0.0.1:6379"),
    )
    .addOption(
      new Option("--listen <host:port>", "address for HTTP; port 0 picks a free one. Without it there is no HTTP")
        .env("TAILRACE_KV_LISTEN")
        .argParser(parseListen),
    )
    .addOption(
      new Option("--history <size>", "with --listen, memory for changes that watches and histories can go back to")
        .env("TAILRACE_KV_HISTORY")
        .argParser(parseHistory)
        .default(64 * 1024 * 1024, "64MiB"),
    )
    .addOption(
      new Option("--token-file <path>", "file with the bearer token that HTTP clients must show").env(
        "TAILRACE_KV_TOKEN_FILE",
      ),
    )
    .addOption(new Option("--metrics-auth", "ask for the token at /metrics, too").env("TAILRACE_KV_METRICS_AUTH"))
    .addOption(
      new Option(
        "--store <url>",
        "without --stream, where data is kept: file:DIR, memory: (lost at exit) or s3://BUCKET/PREFIX",
      )
        .env("TAILRACE_STORE")
        .argParser(parseStore)
        .default("file:./tailrace-kv-data"),
    )
    .addOption(s3SseOption())
    .addOption(walStoreOption("without --stream, a store of its own for the log; chosen once, with a new store"))
    .addOption(
      new Option("--memory <size>", "without --stream, memory for records written lately or fetched from the store")
        .env("TAILRACE_MEMORY")
        .argParser(parseMemory)
        .default(Math.min(defaultMemoryBytes(), 256 * 1024 * 1024), "256MiB, or a quarter of the machine's"),
    )
    .addOption(
      new Option("--max-memory <size>", "keys and values beyond this refuse what would add to them; 0: no bound")
        .env("TAILRACE_KV_MAX_MEMORY")
        .argParser(parseMaxMemory)
        .default(defaultMaxMemoryBytes(), "half of what this process may have, 2GiB at most"),
    )
    .addOption(
      new Option("--max-clients <count>", "connections at once")
        .env("TAILRACE_KV_MAX_CLIENTS")
        .argParser(parseCount)
        .default(10_000),
    )
    .addOption(
      new Option("--password-file <path>", "file with the password that clients must give to AUTH").env(
        "TAILRACE_KV_PASSWORD_FILE",
      ),
    )
    .addOption(
      new Option("--tls-cert <path>", "PEM certificate chain; serves TLS, with --tls-key").env("TAILRACE_TLS_CERT"),
    )
    .addOption(new Option("--tls-key <path>", "PEM private key").env("TAILRACE_TLS_KEY"))
    .addOption(
      new Option("--tls-self", "serve TLS with a certificate made on start, for tests and trials")
        .env("TAILRACE_TLS_SELF")
        .conflicts(["tlsCert", "tlsKey"]),
    )
    .addOption(
      new Option("--insecure-open", "listen beyond loopback although no password or token is asked for").env(
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
The password may also be given in TAILRACE_KV_PASSWORD, the token in TAILRACE_KV_TOKEN.

With --stream, endpoint and token come from the standard S2 environment: S2_ACCESS_TOKEN, S2_ACCOUNT_ENDPOINT,
S2_BASIN_ENDPOINT. Snapshots are kept in a stream beside the log, named as it with ".snapshots" behind.

Exit codes: 0 stopped cleanly, 1 unexpected failure, 2 wrong arguments, 3 store or log cannot be opened,
4 address cannot be listened on, 5 corrupt object, 6 another process took over.`,
    )
    .action(async (options: KvServeOptions) => {
      const { serveKv } = await import("./kv-serve.ts");
      await serveKv(options);
    });
}
