// Why a command is not even begun: what Redis answers to what it does not know, does not allow yet, or not here.
import { wrongArity } from "../command/errors.ts";
import { error, type Reply } from "../command/reply.ts";
import type { CommandSpec } from "../command/spec.ts";
import { hasFlag } from "../command/table.ts";
import type { LocalCommand } from "./context.ts";
import type { Request } from "./parser.ts";
import type { Session } from "./session.ts";

/** Whoever speaks HTTP here was led here by somebody else's page. */
export const NOT_A_CLIENT: Reply = error("ERR this is not an HTTP port");

const NO_AUTH = error("NOAUTH Authentication required.");
const LOADING = error("LOADING Redis is loading the dataset in memory");
const NOT_INSIDE_MULTI = error("ERR Command not allowed inside a transaction");
const WHILE_LISTENING = ["subscribe", "unsubscribe", "psubscribe", "punsubscribe", "ping", "quit", "reset"];
/** What an error shows of what it is about. */
const MAX_SHOWN = 128;

export function refusal(
  session: Session,
  { args, tooLarge }: Request,
  local: LocalCommand | undefined,
  spec: CommandSpec | undefined,
  isOpen: boolean,
): Reply | undefined {
  const name = args[0].toLowerCase();
  if (name === "post" || name === "host:") return NOT_A_CLIENT;
  if (local === undefined && spec === undefined) return unknown(args);
  const arity = local?.arity ?? spec?.arity ?? -1;
  if (arity > 0 ? args.length !== arity : args.length < -arity) return error(wrongArity(name).text);
  if (!session.authenticated && local?.open !== true) return NO_AUTH;
  if (session.listensOnly && !WHILE_LISTENING.includes(name)) {
    return error(
      `ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
    );
  }
  if (!isOpen && local?.early !== true) return LOADING;
  if (tooLarge) return error("ERR command is too large: it must fit into one record of the log, of 1 MiB");
  const outside = local?.outsideMulti === true || (spec !== undefined && hasFlag(spec, "no_multi"));
  return outside && session.queued !== undefined ? NOT_INSIDE_MULTI : undefined;
}

function unknown(args: readonly string[]): Reply {
  let shown = "";
  for (const arg of args.slice(1)) {
    if (shown.length >= MAX_SHOWN) break;
    shown += `'${arg.slice(0, MAX_SHOWN - shown.length)}' `;
  }
  return error(`ERR unknown command '${args[0].slice(0, MAX_SHOWN)}', with args beginning with: ${shown}`);
}
