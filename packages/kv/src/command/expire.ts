// Commands that set, end and tell the time that keys have to live. The clock is the log's.
import { NEVER } from "../state/entry.ts";
import { CommandError } from "./errors.ts";
import { EXPIRY_FORMS, type ExpiryForm, expiryMoment } from "./expiry-options.ts";
import type { Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, FIRST_KEY } from "./spec.ts";

const CONDITIONS = ["NX", "XX", "GT", "LT"];

/** Conditions on the expiry that the key has. Throws `CommandError`. */
function conditionsOf(args: Arguments): ReadonlySet<string> {
  const conditions = new Set<string>();
  for (const text of args.slice(3)) {
    const condition = text.toUpperCase();
    if (!CONDITIONS.includes(condition)) throw new CommandError(`ERR Unsupported option ${text}`);
    conditions.add(condition);
  }
  if (conditions.has("NX") && conditions.size > 1) {
    throw new CommandError("ERR NX and XX, GT or LT options at the same time are not compatible");
  }
  if (conditions.has("GT") && conditions.has("LT")) {
    throw new CommandError("ERR GT and LT options at the same time are not compatible");
  }
  return conditions;
}

function expire(name: string, form: ExpiryForm) {
  return ({ keyspace, nowMs }: CommandContext, args: Arguments): Reply => {
    const conditions = conditionsOf(args);
    const momentMs = expiryMoment(args[2], form, nowMs, name, false);
    const [, key] = args;
    const current = keyspace.get(key)?.expiresAtMs;
    if (current === undefined) return 0;
    if (conditions.has("NX") && current !== NEVER) return 0;
    if (conditions.has("XX") && current === NEVER) return 0;
    if (conditions.has("GT") && momentMs <= current) return 0;
    if (conditions.has("LT") && momentMs >= current) return 0;
    keyspace.expire(key, momentMs);
    return 1;
  };
}

/** -2: no such key; -1: it does not expire. */
function time(answer: (expiresAtMs: number, nowMs: number) => number) {
  return ({ keyspace, nowMs }: CommandContext, [, key]: Arguments): Reply => {
    const expiresAtMs = keyspace.get(key)?.expiresAtMs;
    if (expiresAtMs === undefined) return -2;
    return expiresAtMs === NEVER ? -1 : answer(expiresAtMs, nowMs);
  };
}

function persist({ keyspace }: CommandContext, [, key]: Arguments): Reply {
  const entry = keyspace.get(key);
  if (entry === undefined || entry.expiresAtMs === NEVER) return 0;
  keyspace.expire(key, NEVER);
  return 1;
}

const seconds = (ms: number): number => Math.floor((ms + 500) / 1000);
const leftMs = (expiresAtMs: number, nowMs: number): number => Math.max(0, expiresAtMs - nowMs);

const SETTERS: readonly (readonly [name: string, form: ExpiryForm])[] = [
  ["expire", EXPIRY_FORMS.EX],
  ["pexpire", EXPIRY_FORMS.PX],
  ["expireat", EXPIRY_FORMS.EXAT],
  ["pexpireat", EXPIRY_FORMS.PXAT],
];

const GETTERS: readonly (readonly [name: string, answer: (expiresAtMs: number, nowMs: number) => number])[] = [
  ["ttl", (expiresAtMs, nowMs) => seconds(leftMs(expiresAtMs, nowMs))],
  ["pttl", leftMs],
  ["expiretime", seconds],
  ["pexpiretime", (expiresAtMs) => expiresAtMs],
];

export const EXPIRE_COMMANDS: readonly CommandSpec[] = [
  ...SETTERS.map(
    ([name, form]): CommandSpec => ({
      name,
      arity: -3,
      flags: ["write", "fast"],
      keys: FIRST_KEY,
      run: expire(name, form),
    }),
  ),
  ...GETTERS.map(
    ([name, answer]): CommandSpec => ({
      name,
      arity: 2,
      flags: ["readonly", "fast"],
      keys: FIRST_KEY,
      run: time(answer),
    }),
  ),
  { name: "persist", arity: 2, flags: ["write", "fast"], keys: FIRST_KEY, run: persist },
];
