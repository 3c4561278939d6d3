// Transactions of the HTTP API: comparisons, and what is done if all of them hold, or else. Owns their form as a command's
// arguments, and what they do. As a whole or not at all: a refused one has changed nothing.
//
// The arguments: a count and so many comparisons (key, target, relation, operand), then twice a count and so many operations
// (`get` key; `delete` key; `put` key value content-type time-to-live).
import { type Entry, NEVER } from "../state/entry.ts";
import type { Keyspace } from "../state/keyspace.ts";
import { CommandError, STRING_TOO_LONG, syntaxError, wrongType } from "./errors.ts";
import { MAX_CONTENT_TYPE_BYTES, MAX_STRING_BYTES, MAX_TTL_MS } from "./limits.ts";
import type { Reply } from "./reply.ts";
import { type Arguments, type CommandContext, type CommandSpec, type Flag, NO_KEYS } from "./spec.ts";

export type Relation = "=" | "!=" | "<" | ">";

/** Binary strings throughout. A revision is 0 of a key that is not there. */
export type Comparison =
  | { readonly key: string; readonly target: "exists"; readonly exists: boolean }
  /** `=` holds with any of several revisions, `!=` with none of them; `<` and `>` have one. */
  | { readonly key: string; readonly target: "revision"; readonly is: Relation; readonly revisions: readonly number[] }
  /** By bytes. Holds for no key that is not there, or of another type. */
  | { readonly key: string; readonly target: "value"; readonly is: Relation; readonly value: string };

/** Milliseconds from when the log has it; `keep`: until when the key lived before; undefined: for good. */
export type TimeToLive = number | "keep" | undefined;

export type Operation =
  | { readonly op: "get"; readonly key: string }
  | { readonly op: "delete"; readonly key: string }
  | {
      readonly op: "put";
      readonly key: string;
      readonly value: string;
      readonly contentType: string;
      readonly ttlMs: TimeToLive;
    };

export interface CompareAndDo {
  readonly compare: readonly Comparison[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

/** What `get` found. */
export interface Found {
  readonly value: string;
  readonly contentType: string;
  readonly revision: number;
  /** By the log's time; undefined: never. */
  readonly expiresAtMs: number | undefined;
}

/** Of an operation: what `get` found, whether `delete` had something to delete; of `put`, and where nothing was, undefined. */
export type OperationResult = Found | boolean | undefined;

export interface Done {
  readonly succeeded: boolean;
  readonly results: readonly OperationResult[];
}

const TRANSACT = "tailrace.transact";
/** One that takes no memory. */
const RELEASE = "tailrace.release";
/** One that changes nothing. */
const LOOK = "tailrace.look";

/** The command that does it. */
export function transactionArguments({ compare, success, failure }: CompareAndDo): Arguments {
  const operations = [...success, ...failure];
  const puts = operations.some(({ op }) => op === "put");
  const reads = operations.every(({ op }) => op === "get");
  const args = [puts ? TRANSACT : reads ? LOOK : RELEASE, String(compare.length)];
  for (const comparison of compare) args.push(comparison.key, comparison.target, ...comparisonTail(comparison));
  for (const operations of [success, failure]) {
    args.push(String(operations.length));
    for (const operation of operations) {
      args.push(operation.op, operation.key);
      if (operation.op === "put") args.push(operation.value, operation.contentType, String(operation.ttlMs ?? ""));
    }
  }
  return args;
}

/** Whether it need not go into the log. */
export function onlyReads(args: Arguments): boolean {
  return args[0] === LOOK;
}

/** The outcome from the reply to `transactionArguments`, which was no error. */
export function outcomeOf(reply: Reply): Done {
  const [succeeded, results] = reply as readonly [number, readonly Reply[]];
  return { succeeded: succeeded === 1, results: results.map(resultOf) };
}

function resultOf(reply: Reply): OperationResult {
  if (reply === null) return undefined;
  if (typeof reply === "number") return reply === 1;
  const [value, contentType, revision, expiresAtMs] = reply as readonly [string, string, number, number | null];
  return { value, contentType, revision, expiresAtMs: expiresAtMs ?? undefined };
}

function comparisonTail(comparison: Comparison): readonly [relation: Relation, operand: string] {
  if (comparison.target === "exists") return ["=", comparison.exists ? "1" : "0"];
  if (comparison.target === "revision") return [comparison.is, comparison.revisions.join(",")];
  return [comparison.is, comparison.value];
}

/** What the arguments say, and where in them the keys stand. Throws a syntax error. */
class Parsed implements CompareAndDo {
  readonly compare: readonly Comparison[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
  readonly keys: number[] = [];
  readonly #args: Arguments;
  #at = 1;

  constructor(args: Arguments) {
    this.#args = args;
    this.compare = this.#several(() => this.#comparison());
    this.success = this.#several(() => this.#operation());
    this.failure = this.#several(() => this.#operation());
    if (this.#at !== args.length) throw syntaxError();
  }

  #several<T>(one: () => T): T[] {
    const several: T[] = [];
    for (let left = natural(this.#next()); left > 0; left -= 1) several.push(one());
    return several;
  }

  #next(): string {
    if (this.#at >= this.#args.length) throw syntaxError();
    return this.#args[this.#at++];
  }

  #key(): string {
    this.keys.push(this.#at);
    return this.#next();
  }

  #comparison(): Comparison {
    const key = this.#key();
    const target = this.#next();
    const is = this.#next();
    const operand = this.#next();
    if (is !== "=" && is !== "!=" && is !== "<" && is !== ">") throw syntaxError();
    if (target === "value") return { key, target, is, value: operand };
    if (target === "exists" && is === "=") return { key, target, exists: operand === "1" };
    if (target !== "revision") throw syntaxError();
    return { key, target, is, revisions: operand.split(",").map(natural) };
  }

  #operation(): Operation {
    const op = this.#next();
    const key = this.#key();
    if (op === "get" || op === "delete") return { op, key };
    if (op !== "put") throw syntaxError();
    const value = this.#next();
    const contentType = this.#next();
    const ttl = this.#next();
    return { op, key, value, contentType, ttlMs: ttl === "keep" ? ttl : ttl === "" ? undefined : natural(ttl) };
  }
}

/** A safe integer, not negative, in its shortest form. */
function natural(text: string): number {
  const value = Number(text);
  if (!/^\d{1,16}$/.test(text) || !Number.isSafeInteger(value)) throw syntaxError();
  return value;
}

function run(allowed: ReadonlySet<Operation["op"]>) {
  return ({ keyspace, nowMs }: CommandContext, args: Arguments): Reply => {
    const { compare, success, failure } = new Parsed(args);
    if ([...success, ...failure].some(({ op }) => !allowed.has(op))) throw syntaxError();
    const succeeded = compare.every((comparison) => holds(comparison, keyspace));
    const operations = succeeded ? success : failure;
    // Nothing is changed before everything is known to be possible.
    for (const operation of operations) check(operation, keyspace);
    return [succeeded ? 1 : 0, operations.map((operation) => carryOut(operation, keyspace, nowMs))];
  };
}

function holds(comparison: Comparison, keyspace: Keyspace): boolean {
  const entry = keyspace.get(comparison.key);
  switch (comparison.target) {
    case "exists":
      return (entry !== undefined) === comparison.exists;
    case "revision": {
      const revision = keyspace.revisionOf(comparison.key);
      const { is, revisions } = comparison;
      if (is === "=") return revisions.includes(revision);
      if (is === "!=") return !revisions.includes(revision);
      return is === "<" ? revision < revisions[0] : revision > revisions[0];
    }
    case "value": {
      const { is, value } = comparison;
      if (typeof entry?.value !== "string") return false;
      if (is === "=") return entry.value === value;
      if (is === "!=") return entry.value !== value;
      return is === "<" ? entry.value < value : entry.value > value;
    }
  }
}

/** Throws `CommandError` where it cannot be done. */
function check(operation: Operation, keyspace: Keyspace): void {
  const value = keyspace.get(operation.key)?.value;
  if (value !== undefined && typeof value !== "string") throw wrongType();
  if (operation.op !== "put") return;
  if (operation.value.length > MAX_STRING_BYTES) throw new CommandError(STRING_TOO_LONG);
  if (operation.contentType.length > MAX_CONTENT_TYPE_BYTES) throw new CommandError("ERR content type is too long");
  const { ttlMs } = operation;
  if (typeof ttlMs === "number" && (ttlMs === 0 || ttlMs > MAX_TTL_MS))
    throw new CommandError("ERR invalid time to live");
}

function carryOut(operation: Operation, keyspace: Keyspace, nowMs: number): Reply {
  const { key } = operation;
  if (operation.op === "delete") return keyspace.remove(key) ? 1 : 0;
  const entry = keyspace.get(key);
  if (operation.op === "get") return entry === undefined ? null : foundReply(entry);
  const { value, contentType, ttlMs } = operation;
  const expiresAtMs = ttlMs === "keep" ? entry?.expiresAtMs : ttlMs === undefined ? NEVER : nowMs + ttlMs;
  keyspace.set(key, value, expiresAtMs, contentType);
  return null;
}

function foundReply({ value, contentType, revision, expiresAtMs }: Entry): Reply {
  return [value as string, contentType, revision, expiresAtMs === NEVER ? null : expiresAtMs];
}

function spec(name: string, flags: readonly Flag[], ...allowed: readonly Operation["op"][]): CommandSpec {
  return {
    name,
    arity: -4,
    flags: [...flags, "movablekeys"],
    keys: NO_KEYS,
    keysOf: (args) => new Parsed(args).keys,
    run: run(new Set(allowed)),
  };
}

export const TRANSACTION_COMMANDS: readonly CommandSpec[] = [
  spec(TRANSACT, ["write", "denyoom"], "get", "delete", "put"),
  spec(RELEASE, ["write"], "get", "delete"),
  spec(LOOK, ["readonly"], "get"),
];
