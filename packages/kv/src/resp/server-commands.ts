// What is asked of the server as a whole: INFO, TIME, ROLE, and what Redis has for its files and replicas, answered as it is here:
// every write is durable when it is answered.
import { CommandError, wrongArity } from "../command/errors.ts";
import { integer } from "../command/numbers.ts";
import { OK, type Reply, status } from "../command/reply.ts";
import type { Arguments } from "../command/spec.ts";
import type { LocalCommand, LocalContext } from "./context.ts";
import { infoText } from "./info.ts";

function time(): Reply {
  const nowMs = Date.now();
  return [String(Math.floor(nowMs / 1000)), String((nowMs % 1000) * 1000)];
}

function slowlog(_: LocalContext, args: Arguments): Reply {
  switch (args[1].toLowerCase()) {
    case "get":
      return [];
    case "len":
      return 0;
    case "reset":
      return OK;
    default:
      throw new CommandError(`ERR unknown subcommand '${args[1].slice(0, 128)}'. Try SLOWLOG HELP.`);
  }
}

function latency(_: LocalContext, args: Arguments): Reply {
  switch (args[1].toLowerCase()) {
    case "latest":
    case "history":
      return [];
    case "reset":
      return 0;
    default:
      throw new CommandError(`ERR unknown subcommand '${args[1].slice(0, 128)}'. Try LATENCY HELP.`);
  }
}

function acl(_: LocalContext, args: Arguments): Reply {
  if (args[1].toLowerCase() !== "whoami") {
    throw new CommandError(`ERR unknown subcommand '${args[1].slice(0, 128)}'. Try ACL HELP.`);
  }
  if (args.length !== 2) throw wrongArity("acl|whoami");
  return "default";
}

/** What waits for replicas waits for nothing: no write is answered before it is durable. */
function wait(_: LocalContext, [, , timeout]: Arguments): Reply {
  if (integer(timeout, "ERR timeout is not an integer or out of range") < 0) {
    throw new CommandError("ERR timeout is negative");
  }
  return 0;
}

function noCluster(): Reply {
  throw new CommandError("ERR This instance has cluster support disabled");
}

export const SERVER_COMMANDS: readonly LocalCommand[] = [
  { name: "info", arity: -1, early: true, run: (context, [, ...sections]) => infoText(context, sections) },
  { name: "time", arity: 1, early: true, run: time },
  { name: "role", arity: 1, run: ({ store }) => ["master", store.replica.next, []] },
  { name: "lastsave", arity: 1, run: () => Math.floor(Date.now() / 1000) },
  { name: "save", arity: 1, outsideMulti: true, run: () => OK },
  { name: "bgsave", arity: -1, run: () => status("Background saving started") },
  { name: "bgrewriteaof", arity: 1, run: () => status("Background append only file rewriting started") },
  { name: "wait", arity: 3, run: wait },
  { name: "slowlog", arity: -2, run: slowlog },
  { name: "latency", arity: -2, run: latency },
  { name: "acl", arity: -2, run: acl },
  { name: "cluster", arity: -2, early: true, run: noCluster },
];
