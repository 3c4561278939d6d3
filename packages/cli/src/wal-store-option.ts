// `--wal-store`: the store of the log, where it has one of its own, for every command that opens a store.
import { InvalidArgumentError, Option } from "commander";

/** What is served from a store that dies with the process would be acknowledged and not durable: `memory:` is none. */
export function parseWalStore(text: string): string {
  if (!/^(file:.+|s3:\/\/.+)$/.test(text)) throw new InvalidArgumentError("it must be file:DIR or s3://BUCKET/PREFIX");
  return text;
}

export function walStoreOption(what = "where the log is kept, if it has a store of its own"): Option {
  return new Option("--wal-store <url>", `${what}: file:DIR or s3://BUCKET/PREFIX`)
    .env("TAILRACE_WAL_STORE")
    .argParser(parseWalStore);
}
