// CLIENT: a connection's name, and a look at the others.
import { CommandError, syntaxError, wrongArity } from "../command/errors.ts";
import { integer } from "../command/numbers.ts";
import { OK, type Reply } from "../command/reply.ts";
import type { Arguments } from "../command/spec.ts";
import { checkedName } from "./connection-commands.ts";
import type { Client, LocalCommand, LocalContext } from "./context.ts";

type Subcommand = (context: LocalContext, args: Arguments) => Reply;

function describe({ session }: Client): string {
  const nowMs = Date.now();
  const seconds = (sinceMs: number): number => Math.floor(Math.max(0, nowMs - sinceMs) / 1000);
  const fields = {
    id: session.id,
    addr: session.address,
    laddr: session.localAddress,
    name: session.name,
    age: seconds(session.createdMs),
    idle: seconds(session.activeMs),
    flags: session.subscriptions > 0 ? "P" : session.queued !== undefined ? "x" : "N",
    db: 0,
    sub: session.channels.size,
    psub: session.patterns.size,
    multi: session.queued?.commands.length ?? -1,
    cmd: session.lastCommand,
    user: "default",
    "lib-name": session.library.name,
    "lib-ver": session.library.version,
    resp: session.protocol,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ");
}

/** CLIENT KILL, in its old form with an address and in its new one with filters. */
function kill({ shared, client }: LocalContext, args: Arguments): Reply {
  const others = [...shared.clients.values()];
  if (args.length === 3) {
    const found = others.find(({ session }) => session.address === args[2]);
    if (found === undefined) throw new CommandError("ERR No such client");
    found.end();
    return OK;
  }
  let killed = others;
  let skipMe = true;
  for (let at = 2; at < args.length; at += 2) {
    if (at + 1 >= args.length) throw syntaxError();
    const value = args[at + 1];
    const filter = args[at].toUpperCase();
    if (filter === "ID") {
      const id = integer(value, "ERR client-id should be greater than 0");
      killed = killed.filter(({ session }) => session.id === id);
    } else if (filter === "ADDR") killed = killed.filter(({ session }) => session.address === value);
    else if (filter === "LADDR") killed = killed.filter(({ session }) => session.localAddress === value);
    else if (filter === "SKIPME" && /^(yes|no)$/i.test(value)) skipMe = value.toLowerCase() === "yes";
    else throw syntaxError();
  }
  const chosen = killed.filter((other) => !skipMe || other !== client);
  for (const other of chosen) other.end();
  return chosen.length;
}

function unblock({ shared }: LocalContext, args: Arguments): Reply {
  if (args.length > 4) throw wrongArity("client|unblock");
  const reason = args[3]?.toUpperCase() ?? "TIMEOUT";
  if (reason !== "TIMEOUT" && reason !== "ERROR") {
    throw new CommandError("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
  }
  return shared.clients.get(integer(args[2]))?.unblock(reason === "ERROR") === true ? 1 : 0;
}

function setInfo({ session }: LocalContext, [, , option, value]: Arguments): Reply {
  const attribute = option.toUpperCase();
  if (attribute === "LIB-NAME") session.library.name = checkedName(value);
  else if (attribute === "LIB-VER") session.library.version = checkedName(value);
  else throw new CommandError(`ERR Unrecognized option '${option.slice(0, 128)}'`);
  return OK;
}

const SUBCOMMANDS: Readonly<Record<string, readonly [arity: number, run: Subcommand]>> = {
  id: [2, ({ session }) => session.id],
  getname: [2, ({ session }) => (session.name === "" ? null : session.name)],
  setname: [
    3,
    ({ session }, [, , name]) => {
      session.name = checkedName(name);
      return OK;
    },
  ],
  setinfo: [4, setInfo],
  info: [2, ({ client }) => ({ kind: "verbatim", text: `${describe(client)}\n` })],
  list: [
    -2,
    ({ shared }) => ({ kind: "verbatim", text: [...shared.clients.values()].map((c) => `${describe(c)}\n`).join("") }),
  ],
  kill: [-3, kill],
  unblock: [-3, unblock],
  "no-evict": [3, () => OK],
  "no-touch": [3, () => OK],
};

export const CLIENT_COMMANDS: readonly LocalCommand[] = [
  {
    name: "client",
    arity: -2,
    early: true,
    run: (context, args) => {
      const name = args[1].toLowerCase();
      const subcommand = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
      if (subcommand === undefined) {
        throw new CommandError(`ERR unknown subcommand '${args[1].slice(0, 128)}'. Try CLIENT HELP.`);
      }
      const [arity, run] = subcommand;
      if (arity > 0 ? args.length !== arity : args.length < -arity) throw wrongArity(`client|${name}`);
      return run(context, args);
    },
  },
];
