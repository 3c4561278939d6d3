// Compares replies as far as Redis decides them:
// - members of a set and fields of a hash come in the order of Redis's hash tables, and keys in that of its dictionary: sorted;
// - what is picked by chance: as many, and after SPOP the same are taken out on both sides;
// - the SCAN family: everything that a whole walk shows, sorted, whatever the cursors;
// - ranges by the bytes of members, where the members have different scores and Redis keeps them in a skiplist: not at all;
// - what SORT finds equal by a pattern, or is told not to sort: as many;
// - what is left of a time to live: within a few seconds.
import assert from "node:assert/strict";
import type { Answerer } from "./command-table.ts";
import { type RawReply, show } from "./resp-client.ts";

const UNORDERED = new Set(["smembers", "sinter", "sunion", "sdiff", "hkeys", "hvals", "keys"]);
const UNORDERED_PAIRS = new Set(["hgetall"]);
const RANDOM = new Set(["srandmember", "hrandfield", "zrandmember", "randomkey"]);
const SCANS = new Set(["hscan", "sscan", "zscan", "scan"]);
/** Of relative times, with what may have passed between the two. */
const TIMES = new Map([
  ["ttl", 5],
  ["pttl", 5000],
  ["expiretime", 5],
  ["pexpiretime", 5000],
]);
/** For a message: enough to see what led there. */
const RECENT = 12;

export class Comparison {
  readonly #redis: Answerer;
  readonly #ours: Answerer;
  readonly #recent: string[] = [];
  /** How often each command was answered by anything but an error. */
  readonly #answered = new Map<string, number>();
  #compared = 0;
  #errors = 0;

  constructor(redis: Answerer, ours: Answerer) {
    this.#redis = redis;
    this.#ours = ours;
  }

  /** Throws for a difference. */
  async compare(args: readonly string[]): Promise<void> {
    const name = args[0].toLowerCase();
    if (await this.#isUndefined(args)) return;
    this.#recent.push(args.map((arg) => JSON.stringify(arg)).join(" "));
    if (this.#recent.length > RECENT) this.#recent.shift();
    const before = name === "spop" ? await this.#redis.send("TTL", args[1] ?? "") : undefined;
    // SORT in Redis takes an overflow that an earlier command met for its own; this one meets none.
    if (name.startsWith("sort")) await this.#redis.send("ZINCRBY", "nowhere", "x", "x");
    const [expected, actual] = await Promise.all([atOnce(this.#redis, args), atOnce(this.#ours, args)]);
    this.#compared += 1;
    if (expected.kind === "-") this.#errors += 1;
    else this.#answered.set(name, (this.#answered.get(name) ?? 0) + 1);
    if (expected.kind === "-" || actual.kind === "-") this.#equal(expected, actual);
    else if (name === "dbsize") this.#equal(await this.#liveKeys(), actual);
    else if (name === "spop") await this.#pops(args[1], expected, actual, before);
    else if (RANDOM.has(name)) this.#equal(shape(expected), shape(actual));
    else if (SCANS.has(name)) await this.#scans(args, expected, actual);
    else if (TIMES.has(name)) this.#near(expected, actual, TIMES.get(name) ?? 0);
    else if (UNORDERED.has(name)) this.#equal(sorted(expected, 1), sorted(actual, 1));
    else if (UNORDERED_PAIRS.has(name)) this.#equal(sorted(expected, 2), sorted(actual, 2));
    else if (isOpenSort(args)) assert.equal(lengthOf(actual), lengthOf(expected), this.#recent.join("\n"));
    else this.#equal(expected, actual);
  }

  /** Every key with all that it holds. */
  async compareState(): Promise<void> {
    await this.compare(["DBSIZE"]);
    const keys = await this.#redis.send("KEYS", "*");
    assert.ok("items" in keys && keys.items !== null);
    for (const key of keys.items) {
      assert.ok("text" in key && key.text !== null);
      await this.compare(["TYPE", key.text]);
      await this.compare(["PTTL", key.text]);
      const type = await this.#redis.send("TYPE", key.text);
      assert.ok("text" in type);
      if (type.text === "string") await this.compare(["GET", key.text]);
      if (type.text === "hash") await this.compare(["HGETALL", key.text]);
      if (type.text === "list") await this.compare(["LRANGE", key.text, "0", "-1"]);
      if (type.text === "set") await this.compare(["SMEMBERS", key.text]);
      if (type.text === "zset") await this.compare(["ZRANGE", key.text, "0", "-1", "WITHSCORES"]);
    }
  }

  /** Throws if one of these commands was never answered by anything but an error. */
  checkAnswered(names: ReadonlySet<string>): void {
    const never = [...names].filter((name) => !this.#answered.has(name));
    assert.deepEqual(never, [], "commands that were only ever refused");
  }

  summary(): string {
    return `${this.#compared} replies compared, ${this.#errors} of them errors, of ${this.#answered.size} commands`;
  }

  /** Redis counts what has expired until somebody meets it. */
  async #liveKeys(): Promise<RawReply> {
    return { kind: ":", text: String(texts(await this.#redis.send("KEYS", "*")).length) };
  }

  /** A range by bytes whose walk depends on Redis's dice, or a sort that stores what it may order as it likes. */
  async #isUndefined(args: readonly string[]): Promise<boolean> {
    if (isOpenSort(args) && args.some((arg) => /^store$/i.test(arg))) return true;
    if (!args.some((arg, at) => (at === 0 ? /lex/i : /^bylex$/i).test(arg))) return false;
    for (const key of args.slice(1, 3)) {
      const encoding = await this.#redis.send("OBJECT", "ENCODING", key);
      if (!("text" in encoding) || encoding.text !== "skiplist") continue;
      const scores = await this.#redis.send("ZRANGE", key, "0", "0", "WITHSCORES");
      const [first, last] = [scores, await this.#redis.send("ZREVRANGE", key, "0", "0", "WITHSCORES")].map(texts);
      if (first[1] !== last[1]) return true;
    }
    return false;
  }

  #equal(expected: RawReply, actual: RawReply): void {
    if (show(expected) === show(actual)) return;
    assert.fail(`redis: ${show(expected)}\n ours: ${show(actual)}\nafter:\n${this.#recent.join("\n")}`);
  }

  #near(expected: RawReply, actual: RawReply, slack: number): void {
    const [a, b] = [expected, actual].map((reply) => ("text" in reply ? Number(reply.text) : Number.NaN));
    if (a < 0 || b < 0 || !(Math.abs(a - b) <= slack)) this.#equal(expected, actual);
  }

  /** The same are taken out on both sides: those that Redis has picked. */
  async #pops(key: string, expected: RawReply, actual: RawReply, before: RawReply | undefined): Promise<void> {
    this.#equal(shape(expected), shape(actual));
    assert.ok(before !== undefined && "text" in before);
    const [theirs, ours] = [expected, actual].map(texts);
    if (theirs.length === 0) return;
    const left = await this.#redis.send("SCARD", key);
    if ("text" in left && left.text === "0") return;
    await this.#ours.send("SADD", key, ...ours);
    await this.#ours.send("SREM", key, ...theirs);
  }

  async #scans(args: readonly string[], expected: RawReply, actual: RawReply): Promise<void> {
    const [theirs, ours] = [await walk(this.#redis, args, expected), await walk(this.#ours, args, actual)];
    this.#equal(theirs, ours);
  }
}

const BLOCKING = new Set(["blpop", "brpop", "brpoplpush", "blmove", "blmpop", "bzpopmin", "bzpopmax", "bzmpop"]);

/** The answer to a command. Blocking ones are sent as a transaction, in which they try once. */
async function atOnce(answerer: Answerer, args: readonly string[]): Promise<RawReply> {
  if (!BLOCKING.has(args[0].toLowerCase()) || answerer.neverBlocks) return answerer.send(...args);
  const [, queued, done] = await Promise.all([answerer.send("MULTI"), answerer.send(...args), answerer.send("EXEC")]);
  if (queued.kind === "-") return queued;
  assert.ok("items" in done && done.items !== null, show(done));
  return done.items[0];
}

/** The same with each picked text replaced: as many, and of the same kinds. */
function shape(reply: RawReply): RawReply {
  if ("text" in reply) return { kind: reply.kind, text: reply.text === null ? null : "…" };
  return { kind: reply.kind, items: reply.items?.map(shape) ?? null };
}

/** A sort whose order Redis leaves open: by texts that may be equal, or not at all. */
function isOpenSort(args: readonly string[]): boolean {
  if (!/^sort/i.test(args[0])) return false;
  const has = (pattern: RegExp) => args.some((arg, at) => at > 1 && pattern.test(arg));
  return has(/^nosort$/) || (has(/^by$/i) && has(/^alpha$/i));
}

function lengthOf(reply: RawReply): number | undefined {
  return "items" in reply ? reply.items?.length : undefined;
}

function texts(reply: RawReply): string[] {
  if ("items" in reply) return reply.items?.flatMap(texts) ?? [];
  return reply.text === null ? [] : [reply.text];
}

/** Items put in order, so many of them together. */
function sorted(reply: RawReply, together: 1 | 2): RawReply {
  if ("text" in reply || reply.items === null) return reply;
  const groups: (readonly RawReply[])[] = [];
  for (let at = 0; at < reply.items.length; at += together) groups.push(reply.items.slice(at, at + together));
  const key = (group: readonly RawReply[]) => group.map(show).join();
  groups.sort((a, b) => (key(a) < key(b) ? -1 : 1));
  return { kind: reply.kind, items: groups.flat() };
}

/** All that a scan shows, from a first reply to its end: each once, in order. */
async function walk(answerer: Answerer, args: readonly string[], first: RawReply): Promise<RawReply> {
  const together = /^[hz]scan$/i.test(args[0]) ? 2 : 1;
  const cursorAt = args[0].toLowerCase() === "scan" ? 1 : 2;
  const found = new Map<string, readonly RawReply[]>();
  let reply = first;
  for (let steps = 0; ; steps += 1) {
    assert.ok(steps < 10_000, "a scan ends");
    assert.ok("items" in reply && reply.items !== null, show(reply));
    const [cursor, items] = reply.items;
    assert.ok("text" in cursor && cursor.text !== null && "items" in items && items.items !== null);
    for (let at = 0; at < items.items.length; at += together) {
      const group = items.items.slice(at, at + together);
      found.set(group.map(show).join(), group);
    }
    if (cursor.text === "0") break;
    reply = await answerer.send(...args.with(cursorAt, cursor.text));
  }
  return sorted({ kind: "*", items: [...found.values()].flat() }, together);
}
