// The command line: picks the command, and turns every failure into one sentence and an exit code.
import "./thread-pool.ts";
import { Command } from "commander";
import { ExitCode, ExitError } from "./exit-codes.ts";
import { kvCommand } from "./kv/kv-command.ts";
import { readSwitches, serveCommand } from "./options.ts";
import { serve } from "./serve.ts";
import { storeCommand } from "./store/store-command.ts";
import { VERSION } from "./version.ts";

const program = new Command("tailrace")
  .description("Streams as a storage primitive: durable, ordered, unlimited, behind the S2 API.")
  .version(VERSION)
  .exitOverride((error) => {
    process.exit(error.exitCode === 0 ? ExitCode.ok : ExitCode.usage);
  });
const serving = serveCommand(serve);
const storing = storeCommand();
const keyValue = kvCommand();
for (const command of [serving, storing, ...storing.commands, keyValue, ...keyValue.commands])
  command.copyInheritedSettings(program);
program.addCommand(serving);
program.addCommand(storing);
program.addCommand(keyValue);

try {
  for (const command of [serving, ...keyValue.commands]) readSwitches(command, process.env);
  await program.parseAsync();
  process.exit(ExitCode.ok);
} catch (error) {
  if (error instanceof ExitError) {
    if (error.code !== ExitCode.ok) process.stderr.write(`tailrace: ${error.message}\n`);
    process.exit(error.code);
  }
  process.stderr.write(`tailrace: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(ExitCode.failure);
}
