// CONFIG: what clients and tools look up to know how this server behaves. Nothing can be set: settings are the process's.
import { CommandError, wrongArity } from "../command/errors.ts";
import { glob } from "../command/glob.ts";
import { MAX_STRING_BYTES } from "../command/limits.ts";
import { map, OK, type Reply } from "../command/reply.ts";
import type { Arguments } from "../command/spec.ts";
import type { LocalCommand, LocalContext } from "./context.ts";

function settings({ shared, store }: LocalContext): Readonly<Record<string, string>> {
  return {
    appendfsync: "always",
    appendonly: "yes",
    databases: "1",
    maxclients: String(shared.maxClients),
    maxmemory: String(store?.maxBytes ?? 0),
    "maxmemory-policy": "noeviction",
    port: String(shared.port),
    "proto-max-bulk-len": String(MAX_STRING_BYTES),
    save: "",
    timeout: "0",
  };
}

function get(context: LocalContext, patterns: Arguments): Reply {
  const globs = patterns.map((pattern) => glob(pattern.toLowerCase()));
  const found = Object.entries(settings(context)).filter(([name]) => globs.some((matches) => matches(name)));
  return map(found);
}

function set(context: LocalContext, pairs: Arguments): never {
  if (pairs.length % 2 === 1) throw wrongArity("config|set");
  const name = pairs[0].toLowerCase();
  throw new CommandError(
    Object.hasOwn(settings(context), name)
      ? `ERR CONFIG SET failed (possibly related to argument '${name}') - can't set immutable config`
      : `ERR Unknown option or number of arguments for CONFIG SET - '${pairs[0].slice(0, 128)}'`,
  );
}

export const CONFIG_COMMANDS: readonly LocalCommand[] = [
  {
    name: "config",
    arity: -2,
    early: true,
    run: (context, [, name, ...rest]) => {
      switch (name.toLowerCase()) {
        case "get":
          if (rest.length === 0) throw wrongArity("config|get");
          return get(context, rest);
        case "set":
          if (rest.length < 2) throw wrongArity("config|set");
          return set(context, rest);
        case "resetstat":
          return OK;
        case "rewrite":
          throw new CommandError("ERR The server is running without a config file");
        default:
          throw new CommandError(`ERR unknown subcommand '${name.slice(0, 128)}'. Try CONFIG HELP.`);
      }
    },
  },
];
