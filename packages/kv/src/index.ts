// The public surface of the package.
export { COMMANDS, commandNamed, runCommand } from "./command/table.ts";
