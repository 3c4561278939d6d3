// MULTI, EXEC, DISCARD, WATCH and UNWATCH: what a client queues is applied as one, by one record of the log, and only if what it
// watched is as it was.
import { CommandError } from "../command/errors.ts";
import { error, NULL_ARRAY, OK, QUEUED, type Reply } from "../command/reply.ts";
import type { Arguments, CommandSpec } from "../command/spec.ts";
import { commandNamed, hasFlag } from "../command/table.ts";
import type { Store } from "../store/store.ts";
import { type LocalCommand, type LocalContext, Several } from "./context.ts";
import { MAX_QUEUED_BYTES, MAX_WATCHED_KEYS } from "./limits.ts";
import type { Queued, QueuedCommand, Session } from "./session.ts";

/** Between MULTI and EXEC: a command is only looked at. */
export function queue(session: Session, store: Store, command: CommandSpec | LocalCommand, args: Arguments): Reply {
  const { queued } = session;
  if (queued === undefined) throw new Error("nothing is queued outside of MULTI");
  const refused = ("flags" in command ? store.refusal(command, args) : undefined) ?? tooMuch(queued, args);
  if (refused !== undefined) {
    queued.broken = true;
    return refused;
  }
  queued.commands.push("flags" in command ? { args } : { args, local: command });
  return QUEUED;
}

function tooMuch(queued: Queued, args: Arguments): Reply | undefined {
  queued.bytes += args.reduce((bytes, arg) => bytes + arg.length + 5, 5);
  return queued.bytes > MAX_QUEUED_BYTES ? error("ERR transaction is too large") : undefined;
}

function multi({ session }: LocalContext): Reply {
  if (session.queued !== undefined) throw new CommandError("ERR MULTI calls can not be nested");
  session.queued = { commands: [], bytes: 0, broken: false };
  return OK;
}

function exec(context: LocalContext): Reply | Promise<Reply> {
  const { session } = context;
  const { queued } = session;
  if (queued === undefined) throw new CommandError("ERR EXEC without MULTI");
  const watches = [...session.watched];
  discardAll(session);
  if (queued.broken) throw new CommandError("EXECABORT Transaction discarded because of previous errors.");
  return apply(context, queued.commands, watches);
}

/** What works on the keyspace first, as one; then what concerns the connection alone. */
async function apply(
  context: LocalContext,
  queued: readonly QueuedCommand[],
  watches: readonly (readonly [string, number])[],
): Promise<Reply> {
  const commands = queued.filter(({ local }) => local === undefined).map(({ args }) => args);
  const replies = await applyAll(context, commands, watches);
  if (replies === undefined) return NULL_ARRAY;
  const left = [...replies];
  const all: Reply[] = [];
  for (const { local, args } of queued)
    all.push(local === undefined ? (left.shift() ?? null) : await ran(context, local, args));
  return all;
}

async function ran(context: LocalContext, local: LocalCommand, args: Arguments): Promise<Reply> {
  try {
    const reply = await local.run(context, args);
    return reply instanceof Several ? reply.replies : reply;
  } catch (cause) {
    if (cause instanceof CommandError) return error(cause.text);
    throw cause;
  }
}

/** Undefined where a watched key has changed. */
async function applyAll(
  { session, store }: LocalContext,
  commands: readonly Arguments[],
  watches: readonly (readonly [string, number])[],
): Promise<readonly Reply[] | undefined> {
  const writes = commands.some((args) => {
    const spec = commandNamed(args[0]);
    return spec !== undefined && hasFlag(spec, "write");
  });
  if (writes || watches.length > 0) return (await store.write({ commands, watches }))?.replies;
  return store.run(commands, session.eventual ? "eventual" : "strong");
}

function discard({ session }: LocalContext): Reply {
  if (session.queued === undefined) throw new CommandError("ERR DISCARD without MULTI");
  discardAll(session);
  return OK;
}

/** What was begun and is not to be done. */
export function discardAll(session: Session): void {
  session.queued = undefined;
  session.watched.clear();
}

async function watch({ session, store }: LocalContext, [, ...keys]: Arguments): Promise<Reply> {
  const fresh = keys.filter((key) => !session.watched.has(key));
  if (session.watched.size + fresh.length > MAX_WATCHED_KEYS) throw new CommandError("ERR too many watched keys");
  const answer = (keyspace: Store["keyspace"]) => fresh.map((key) => keyspace.revisionOf(key));
  const revisions = await store.query({ keys: fresh, answer }, session.eventual ? "eventual" : "strong");
  fresh.forEach((key, i) => {
    session.watched.set(key, revisions[i]);
  });
  return OK;
}

function unwatch({ session }: LocalContext): Reply {
  session.watched.clear();
  return OK;
}

export const TRANSACTION_COMMANDS: readonly LocalCommand[] = [
  { name: "multi", arity: 1, control: true, run: multi },
  { name: "exec", arity: 1, control: true, run: exec },
  { name: "discard", arity: 1, control: true, run: discard },
  {
    name: "watch",
    arity: -2,
    control: true,
    run: (context, args) => {
      if (context.session.queued !== undefined) throw new CommandError("ERR WATCH inside MULTI is not allowed");
      return watch(context, args);
    },
  },
  { name: "unwatch", arity: 1, run: unwatch },
];
