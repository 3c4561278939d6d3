// `tailrace store`: what an operator does to a store. Each command with its options; what they do is in files of their own, loaded when asked for.
import { Argument, Command, InvalidArgumentError, Option } from "commander";

const JSON_OPTION = () => new Option("--json", "answer in JSON");

function parseStore(text: string): string {
  if (!/^(file:.+|s3:\/\/.+)$/.test(text)) throw new InvalidArgumentError("it must be file:DIR or s3://BUCKET/PREFIX");
  return text;
}

function storeArgument(name = "<store>", what = "file:DIR or s3://BUCKET/PREFIX"): Argument {
  return new Argument(name, what).argParser(parseStore);
}

export function storeCommand(): Command {
  return new Command("store")
    .description("Look after a store: check it, measure it, clean it up, mend it, copy it.")
    .addCommand(checkCommand());
}

function checkCommand(): Command {
  return new Command("check")
    .description("Read everything in a store and verify every checksum, index and reference. Changes nothing.")
    .addArgument(storeArgument())
    .addOption(JSON_OPTION())
    .addHelpText(
      "after",
      `
The store may be in use. What lies about without being needed is told apart from damage.

Exit codes: 0 clean, 1 damaged, 2 it could not be checked.`,
    )
    .action(async (store: string, options: { json?: boolean }) => {
      const { check } = await import("./check.ts");
      await check(store, options);
    });
}
