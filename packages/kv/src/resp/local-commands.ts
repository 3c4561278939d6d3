// All commands of the connection and the server, by name in lower case.
import { CLIENT_COMMANDS } from "./client-command.ts";
import { COMMAND_COMMANDS } from "./command-command.ts";
import { CONFIG_COMMANDS } from "./config-command.ts";
import { CONNECTION_COMMANDS } from "./connection-commands.ts";
import type { LocalCommand } from "./context.ts";
import { PUBSUB_COMMANDS } from "./pubsub.ts";
import { SERVER_COMMANDS } from "./server-commands.ts";
import { TRANSACTION_COMMANDS } from "./transactions.ts";

export const LOCAL_COMMANDS: ReadonlyMap<string, LocalCommand> = new Map(
  [
    CONNECTION_COMMANDS,
    CLIENT_COMMANDS,
    TRANSACTION_COMMANDS,
    PUBSUB_COMMANDS,
    SERVER_COMMANDS,
    CONFIG_COMMANDS,
    COMMAND_COMMANDS,
  ]
    .flat()
    .map((command) => [command.name, command]),
);
