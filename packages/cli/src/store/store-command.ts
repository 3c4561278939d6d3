// `tailrace store`: what an operator does to a store. Each command with its options; what they do is in files of their own, loaded when asked for.
import { Argument, Command, InvalidArgumentError } from "commander";

function parseStore(text: string): string {
  if (!/^(file:.+|s3:\/\/.+)$/.test(text)) throw new InvalidArgumentError("it must be file:DIR or s3://BUCKET/PREFIX");
  return text;
}

export function storeCommand(): Command {
  return new Command("store").description("Look after a store: check it.").addCommand(checkCommand());
}

function checkCommand(): Command {
  return new Command("check")
    .description("Read everything in a store and verify every checksum, index and reference. Changes nothing.")
    .addArgument(new Argument("<store>", "file:DIR or s3://BUCKET/PREFIX").argParser(parseStore))
    .option("--json", "answer in JSON")
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
