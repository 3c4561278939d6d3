// `tailrace store`: what an operator does to a store. Each command with its options; what they do is in files of their own, loaded when asked for.

import { Argument, Command, InvalidArgumentError, Option } from "commander";
import { s3SseOption } from "../s3-sse-option.ts";
import { parseWalStore, walStoreOption } from "../wal-store-option.ts";
import type { CopyCommandOptions } from "./copy.ts";
import type { GcCommandOptions } from "./gc.ts";
import type { MoveWalCommandOptions } from "./move-wal.ts";
import type { RepairCommandOptions } from "./repair.ts";
import type { StatsCommandOptions } from "./stats.ts";

function parseStore(text: string): string {
  if (!/^(file:.+|s3:\/\/.+)$/.test(text)) throw new InvalidArgumentError("it must be file:DIR or s3://BUCKET/PREFIX");
  return text;
}

export function storeCommand(): Command {
  return new Command("store")
    .description("Look after a store.")
    .addCommand(checkCommand())
    .addCommand(statsCommand())
    .addCommand(gcCommand())
    .addCommand(copyCommand())
    .addCommand(moveWalCommand())
    .addCommand(repairCommand());
}

function storeArgument(name: string): Argument {
  return new Argument(name, "file:DIR or s3://BUCKET/PREFIX").argParser(parseStore);
}

function checkCommand(): Command {
  return new Command("check")
    .description("Read everything in a store and verify every checksum, index and reference. Changes nothing.")
    .addArgument(storeArgument("<store>"))
    .addOption(walStoreOption())
    .option("--json", "answer in JSON")
    .addHelpText(
      "after",
      `
The store may be in use. What lies about without being needed is told apart from damage.

Exit codes: 0 clean, 1 damaged, 2 it could not be checked.`,
    )
    .action(async (store: string, options: { walStore?: string; json?: boolean }) => {
      const { check } = await import("./check.ts");
      await check(store, options);
    });
}

function statsCommand(): Command {
  return new Command("stats")
    .description("Say what is in a store: streams, objects by kind, bytes live and dead, and what it costs.")
    .addArgument(storeArgument("<store>"))
    .addOption(walStoreOption())
    .option("--json", "answer in JSON")
    .option(
      "--prices-file <path>",
      "JSON file of prices in US dollars: storage_gib_month, put_million, get_million; without one, those of S3 Standard",
    )
    .addHelpText(
      "after",
      `
The store may be in use. Reads all but the records in segments.

Exit codes: 0 done, 1 something is damaged and figures may be wrong, 2 it could not be done.`,
    )
    .action(async (store: string, options: StatsCommandOptions) => {
      const { stats } = await import("./stats.ts");
      await stats(store, options);
    });
}

function gcCommand(): Command {
  return new Command("gc")
    .description("Delete what nobody needs any more: flushed chunks, followed manifests, orphaned segments.")
    .addArgument(storeArgument("<store>"))
    .addOption(walStoreOption())
    .option("--dry-run", "only say what would be deleted; the store may be in use")
    .addOption(s3SseOption())
    .option("--take-over", "take the shard over from an owner who has not released it: whoever serves it stops")
    .option("--json", "answer in JSON")
    .addHelpText(
      "after",
      `
Who serves a store collects all this by itself, in time; what only a later owner may delete waits for one. Takes the
shard over and releases it. Refuses a store that is being served: on the file store its lock tells, on S3 that the last
owner has not released it, as after a crash; then --take-over goes on.

Exit codes: 0 done, 2 it could not be done, or not all of it.`,
    )
    .action(async (store: string, options: GcCommandOptions) => {
      const { gc } = await import("./gc.ts");
      await gc(store, options);
    });
}

function copyCommand(): Command {
  return new Command("copy")
    .description("Copy everything in a store into an empty one, which becomes a deployment of its own.")
    .addArgument(storeArgument("<source>"))
    .addArgument(storeArgument("<target>"))
    .addOption(walStoreOption("where the source's log is kept, if it has a store of its own"))
    .addOption(s3SseOption())
    .option("--resume", "go on with a copy that was not finished; nobody else may be at work on it")
    .option("--json", "answer in JSON")
    .addHelpText(
      "after",
      `
The source may be in use: the copy holds everything that was acknowledged before it began, and is consistent. All that
is copied is verified. Until all of it is there, no server opens the target.

Exit codes: 0 copied, 1 the source is damaged, 2 it could not be done.`,
    )
    .action(async (source: string, target: string, options: CopyCommandOptions) => {
      const { copy } = await import("./copy.ts");
      await copy(source, target, options);
    });
}

function moveWalCommand(): Command {
  return new Command("move-wal")
    .description("Move the log of a store into a store of its own, into another one, or back.")
    .addArgument(storeArgument("<store>"))
    .addOption(walStoreOption())
    .addOption(
      new Option("--to <url>", "where the log shall be kept: file:DIR or s3://BUCKET/PREFIX, or the store itself")
        .argParser(parseWalStore)
        .makeOptionMandatory(),
    )
    .addOption(s3SseOption())
    .option("--take-over", "take the shard over from an owner who has not released it: whoever serves it stops")
    .option("--json", "answer in JSON")
    .addHelpText(
      "after",
      `
Nobody may be serving the store. It is served with the new --wal-store afterwards, and with no other. When it breaks
off, no server starts on the store: the same command goes on with it, and --to with where the log was takes it back.

Exit codes: 0 moved, 2 it could not be done, or not all of the old log could be deleted.`,
    )
    .action(async (store: string, options: MoveWalCommandOptions) => {
      const { moveWal } = await import("./move-wal.ts");
      await moveWal(store, options);
    });
}

function parsePlace(text: string): number {
  // A key ends in its place, padded with zeros: both may be copied from what check says.
  const digits = /^(?:.*\/)?([0-9]+)$/.exec(text)?.[1];
  const place = Number(digits);
  if (digits === undefined || !Number.isSafeInteger(place))
    throw new InvalidArgumentError("it must be a place of the log, such as 4711");
  return place;
}

function repairCommand(): Command {
  return new Command("repair")
    .description("Cut a damaged log off at a place, for good: what stands from there on is lost.")
    .addArgument(storeArgument("<store>"))
    .addOption(walStoreOption())
    .addOption(
      new Option("--discard-from <place>", "the first place that is discarded, or its key, as check tells it")
        .argParser(parsePlace)
        .makeOptionMandatory(),
    )
    .addOption(s3SseOption())
    .option("--yes", "do it; without, only what would be lost is told, and nothing is changed")
    .option("--json", "answer in JSON")
    .addHelpText(
      "after",
      `
For a log that no server opens any more, because an object in it is damaged or missing. All that was acknowledged before
the place is there afterwards; nobody who slept can go on behind it. Stop whoever serves the store before.

Exit codes: 0 cut off, 1 told only, 2 it could not be done: not damaged, a place that mends nothing, a store in use.`,
    )
    .action(async (store: string, options: RepairCommandOptions) => {
      const { repairStore } = await import("./repair.ts");
      await repairStore(store, options);
    });
}
