// What a client says of itself and its connection: HELLO, AUTH, PING, SELECT, READONLY and so on.
import { createHash, timingSafeEqual } from "node:crypto";
import { CommandError, NOT_AN_INTEGER } from "../command/errors.ts";
import { integer } from "../command/numbers.ts";
import { map, OK, type Reply, status } from "../command/reply.ts";
import type { Arguments } from "../command/spec.ts";
import { type LocalCommand, type LocalContext, REDIS_VERSION } from "./context.ts";
import { dropSubscriptions } from "./pubsub.ts";
import { discardAll } from "./transactions.ts";

const WRONG_PASSWORD = "WRONGPASS invalid username-password pair or user is disabled.";
const NO_PASSWORD_NEEDED =
  "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?";
const AUTHENTICATE_FIRST =
  "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time";
/** Of names that CLIENT LIST shows, one to a line. */
const CLEAN_NAME = /^[!-~]*$/;

function isRight(given: string, password: string): boolean {
  // Equal lengths for the comparison, whose time must tell nothing.
  const digest = (text: string): Buffer => createHash("sha256").update(text, "latin1").digest();
  return timingSafeEqual(digest(given), digest(Buffer.from(password, "utf8").toString("latin1")));
}

function authenticate({ session, shared }: LocalContext, user: string, given: string): void {
  const { password } = shared.options;
  if (user !== "default" || (password !== undefined && !isRight(given, password))) {
    throw new CommandError(WRONG_PASSWORD);
  }
  session.authenticated = true;
}

function auth(context: LocalContext, args: Arguments): Reply {
  if (args.length > 3) throw new CommandError("ERR syntax error");
  if (args.length === 2 && context.shared.options.password === undefined) throw new CommandError(NO_PASSWORD_NEEDED);
  authenticate(context, args.length === 3 ? args[1] : "default", args[args.length - 1]);
  return OK;
}

export function checkedName(name: string): string {
  if (!CLEAN_NAME.test(name)) {
    throw new CommandError("ERR Client names cannot contain spaces, newlines or special characters.");
  }
  return name;
}

function hello(context: LocalContext, args: Arguments): Reply {
  const { session } = context;
  const protocol =
    args.length > 1 ? integer(args[1], "ERR Protocol version is not an integer or out of range") : undefined;
  if (protocol !== undefined && protocol !== 2 && protocol !== 3) {
    throw new CommandError("NOPROTO unsupported protocol version");
  }
  let name: string | undefined;
  for (let at = 2; at < args.length; ) {
    const option = args[at].toUpperCase();
    if (option === "AUTH" && at + 2 < args.length) {
      authenticate(context, args[at + 1], args[at + 2]);
      at += 3;
    } else if (option === "SETNAME" && at + 1 < args.length) {
      name = checkedName(args[at + 1]);
      at += 2;
    } else throw new CommandError(`ERR Syntax error in HELLO option '${args[at].slice(0, 128)}'`);
  }
  if (!session.authenticated) throw new CommandError(AUTHENTICATE_FIRST);
  if (name !== undefined) session.name = name;
  if (protocol !== undefined) session.protocol = protocol;
  return map([
    ["server", "redis"],
    ["version", REDIS_VERSION],
    ["proto", session.protocol],
    ["id", session.id],
    ["mode", "standalone"],
    ["role", "master"],
    ["modules", []],
  ]);
}

function ping({ session }: LocalContext, args: Arguments): Reply {
  if (args.length > 2) throw new CommandError("ERR wrong number of arguments for 'ping' command");
  if (session.listensOnly) return ["pong", args[1] ?? ""];
  return args[1] ?? status("PONG");
}

function select(_: LocalContext, [, database]: Arguments): Reply {
  if (integer(database, NOT_AN_INTEGER) !== 0) throw new CommandError("ERR DB index is out of range");
  return OK;
}

function quit({ client }: LocalContext): Reply {
  client.end();
  return OK;
}

function reset({ session, shared, store, subscriber }: LocalContext): Reply {
  discardAll(session);
  if (store !== undefined) dropSubscriptions(session, store, subscriber);
  session.protocol = 2;
  session.name = "";
  session.eventual = false;
  session.authenticated = shared.options.password === undefined;
  return status("RESET");
}

function reading(eventual: boolean) {
  return ({ session }: LocalContext): Reply => {
    session.eventual = eventual;
    return OK;
  };
}

export const CONNECTION_COMMANDS: readonly LocalCommand[] = [
  { name: "auth", arity: -2, open: true, early: true, control: true, run: auth },
  { name: "hello", arity: -1, open: true, early: true, outsideMulti: true, run: hello },
  { name: "ping", arity: -1, early: true, run: ping },
  { name: "echo", arity: 2, early: true, run: (_, [, text]) => text },
  { name: "select", arity: 2, early: true, run: select },
  { name: "quit", arity: -1, open: true, early: true, control: true, run: quit },
  { name: "reset", arity: 1, open: true, early: true, control: true, run: reset },
  { name: "readonly", arity: 1, early: true, run: reading(true) },
  { name: "readwrite", arity: 1, early: true, run: reading(false) },
];
