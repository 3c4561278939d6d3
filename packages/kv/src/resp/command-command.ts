// COMMAND: what commands there are, for clients that look before they send.
import { CommandError, wrongArity } from "../command/errors.ts";
import { glob } from "../command/glob.ts";
import { map, type Reply, set, status } from "../command/reply.ts";
import type { Arguments, CommandSpec } from "../command/spec.ts";
import { COMMANDS, commandNamed, keyPositions } from "../command/table.ts";
import type { LocalCommand, Shared } from "./context.ts";

type Known = Pick<CommandSpec, "name" | "arity"> & Partial<Pick<CommandSpec, "flags" | "keys">>;

function known({ localCommands }: Shared): readonly Known[] {
  return [...COMMANDS.values(), ...localCommands.values()];
}

function named(name: string, { localCommands }: Shared): Known | undefined {
  return commandNamed(name) ?? localCommands.get(name.toLowerCase());
}

/** Ten fields, as Redis 7 gives them; those that it alone has use for are empty. */
function info({ name, arity, flags = ["fast"], keys }: Known): Reply {
  const { first, last, step } = keys ?? { first: 0, last: 0, step: 0 };
  const categories = flags.map((flag) => status(`@${flag === "readonly" ? "read" : flag}`));
  return [name, arity, set(flags.map(status)), first, last, step, set(categories), [], [], []];
}

function docs(names: Arguments, shared: Shared): Reply {
  const found = names.map((name) => named(name, shared)).filter((one) => one !== undefined);
  const chosen = names.length === 0 ? known(shared) : found;
  return map(chosen.map(({ name }) => [name, map([["summary", ""]])]));
}

function list(args: Arguments, shared: Shared): Reply {
  const names = known(shared).map(({ name }) => name);
  if (args.length === 0) return names;
  const [filter, kind, value] = args;
  if (args.length !== 3 || filter.toUpperCase() !== "FILTERBY") throw new CommandError("ERR syntax error");
  switch (kind.toUpperCase()) {
    case "PATTERN":
      return names.filter(glob(value));
    case "MODULE":
    case "ACLCAT":
      return [];
    default:
      throw new CommandError("ERR syntax error");
  }
}

function getkeys(args: Arguments): Reply {
  const spec = args.length === 0 ? undefined : commandNamed(args[0]);
  if (spec === undefined) throw new CommandError("ERR Invalid command specified");
  const { arity } = spec;
  if (arity > 0 ? args.length !== arity : args.length < -arity) {
    throw new CommandError("ERR Invalid number of arguments specified for command");
  }
  const keys = keyPositions(spec, args).map((at) => args[at]);
  if (keys.length === 0) throw new CommandError("ERR The command has no key arguments");
  return keys;
}

export const COMMAND_COMMANDS: readonly LocalCommand[] = [
  {
    name: "command",
    arity: -1,
    early: true,
    run: ({ shared }, [, subcommand, ...rest]) => {
      switch (subcommand?.toLowerCase()) {
        case undefined:
          return known(shared).map(info);
        case "count":
          return known(shared).length;
        case "docs":
          return docs(rest, shared);
        case "info":
          if (rest.length === 0) return known(shared).map(info);
          return rest.map((name) => {
            const found = named(name, shared);
            return found === undefined ? { kind: "null-array" } : info(found);
          });
        case "list":
          return list(rest, shared);
        case "getkeys":
          if (rest.length === 0) throw wrongArity("command|getkeys");
          return getkeys(rest);
        default:
          throw new CommandError(`ERR unknown subcommand '${subcommand.slice(0, 128)}'. Try COMMAND HELP.`);
      }
    },
  },
];
