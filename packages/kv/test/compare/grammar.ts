// Random commands of all families: mostly right ones over few keys, so that they meet, some of them wrong in one of the ways in
// which clients are. The words of a template stand for what may be there; see `WORDS`.
import type { Random } from "./random.ts";

type Word = (random: Random) => readonly string[];

const ITEMS = ["a", "b", "c", "dd", "eee", "1", "2", "10", "-3", "", "x\0y", "\xff\xfe", "long-item".repeat(20)];
const NUMBERS = ["0", "1", "-1", "2", "3", "5", "-2", "10", "-100", "100"];
const ODD_NUMBERS = [
  "9223372036854775807",
  "-9223372036854775808",
  "9223372036854775808",
  "1.5",
  "01",
  "+1",
  " 1",
  "1 ",
  "",
  "abc",
  "1e3",
  "0x10",
  "4294967296",
];
const SCORES = ["0", "1", "2", "2.5", "-1", "1.1", "3", "1e3", "inf", "-inf", "+inf", "0.1", "100", "1e300", "1e-7"];
const ODD_SCORES = ["nan", "abc", "", "1e400", "0x1A", "infinity", " 1", "1 ", "1e-400", "--1", ".5", "5."];
const PATTERNS = ["*", "a*", "?", "[ab]", "[^a]", "*[0-9]*", "\\a", "l*m", "", "**", "[", "e*e"];
const KINDS = ["string", "hash", "list", "set", "zset"];
const KEYS_OF_A_KIND = 3;

const one =
  (items: readonly string[]): Word =>
  (random) => [random.of(items)];
const odd = (items: readonly string[], rare: readonly string[]): Word => {
  return (random) => [random.of(random.oneIn(25) ? rare : items)];
};

/** Sometimes of another kind, sometimes one that is never there. */
function key(kind: string): Word {
  return (random) => {
    if (random.oneIn(30)) return [`${random.of(KINDS)}${random.below(KEYS_OF_A_KIND)}`];
    return random.oneIn(40) ? ["nowhere"] : [`${kind}${random.below(KEYS_OF_A_KIND)}`];
  };
}

function times(most: number, word: Word, least = 1): Word {
  return (random) => Array.from({ length: least + random.below(most - least + 1) }, () => word(random)).flat();
}

/** A number of keys, then as many: nearly always. */
function counted(word: Word): Word {
  return (random) => {
    const keys = times(3, word)(random);
    return [
      random.oneIn(30) ? random.of(["0", "-1", "x", "9", String(keys.length + 1)]) : String(keys.length),
      ...keys,
    ];
  };
}

function sequence(...words: readonly Word[]): Word {
  return (random) => words.flatMap((word) => word(random));
}

function maybe(word: Word, inTimes = 3): Word {
  return (random) => (random.oneIn(inTimes) ? word(random) : []);
}

function either(...words: readonly Word[]): Word {
  return (random) => random.of(words)(random);
}

const integer = odd(NUMBERS, ODD_NUMBERS);
const item = one(ITEMS);
const score = odd(SCORES, ODD_SCORES);
const scoreBound: Word = (random) => [(random.oneIn(3) ? "(" : "") + score(random)[0]];
const lexBound: Word = (random) =>
  random.oneIn(4) ? [random.of(["-", "+", "a", "", "(", "["])] : [random.of(["[", "("]) + item(random)[0]];
const limit = sequence(literal("LIMIT"), integer, integer);
/** Nothing expires while a comparison runs: the two clocks would have to agree to the millisecond. */
const seconds = one(["100000", "5000", "0", "-1", "9223372036854775807", "x"]);
const milliseconds = one(["100000000", "5000000", "0", "-1", "9223372036854775807", "x"]);
const anyKey: Word = (random) => key(random.of(KINDS))(random);

function literal(text: string): Word {
  return (random) => [random.oneIn(4) ? text.toLowerCase() : text];
}

const WORDS: Readonly<Record<string, Word>> = {
  h: key("hash"),
  l: key("list"),
  s: key("set"),
  z: key("zset"),
  k: key("string"),
  key: anyKey,
  keys: times(3, anyKey),
  sets: times(3, key("set")),
  "counted-lists": counted(key("list")),
  "counted-sets": counted(key("set")),
  "counted-zsets": counted(either(key("zset"), key("zset"), key("set"))),
  strings: times(3, key("string")),
  lists: times(3, key("list")),
  zsets: times(3, key("zset")),
  item,
  items: times(5, item),
  integer,
  float: either(score, one(["0.1", "0.2", "-0.3", "3.0e3", "1e17", "123456789.123456789"])),
  score,
  smin: scoreBound,
  smax: scoreBound,
  lmin: lexBound,
  lmax: lexBound,
  "field-values": times(4, sequence(item, item)),
  "score-members": times(4, sequence(score, item)),
  "zadd-options": times(2, one(["NX", "XX", "GT", "LT", "CH", "INCR", "ch", "xx"]), 0),
  end: one(["LEFT", "RIGHT", "left", "right", "UP"]),
  side: one(["MIN", "MAX", "min", "FOO"]),
  where: one(["BEFORE", "AFTER", "after", "AT"]),
  count: maybe(sequence(literal("COUNT"), integer)),
  "maybe-integer": maybe(integer, 2),
  "with-values": maybe(sequence(integer, maybe(literal("WITHVALUES"), 2)), 2),
  "with-scores": maybe(sequence(integer, maybe(literal("WITHSCORES"), 2)), 2),
  "lpos-options": times(2, sequence(one(["RANK", "COUNT", "MAXLEN", "maxlen", "FOO"]), integer), 0),
  "zrange-options": times(
    2,
    either(literal("WITHSCORES"), literal("REV"), literal("BYSCORE"), literal("BYLEX"), limit),
    0,
  ),
  bounds: either(
    sequence(integer, integer),
    sequence(scoreBound, scoreBound, literal("BYSCORE")),
    sequence(lexBound, lexBound, literal("BYLEX")),
  ),
  "score-options": times(2, either(literal("WITHSCORES"), limit), 0),
  limit: maybe(limit),
  "only-limit": maybe(sequence(literal("LIMIT"), integer)),
  weights: maybe(sequence(literal("WEIGHTS"), times(3, score))),
  aggregate: maybe(sequence(literal("AGGREGATE"), one(["SUM", "MIN", "MAX", "max", "AVG"]))),
  "maybe-scores": maybe(literal("WITHSCORES"), 2),
  "scan-options": times(
    2,
    either(sequence(literal("COUNT"), integer), sequence(literal("MATCH"), one(PATTERNS)), one(["FOO"])),
    0,
  ),
  timeout: one(["0", "1", "0.01", "1.5", "-1", "x", "1e400", "inf"]),
  seconds,
  milliseconds,
  "set-options": times(
    2,
    either(
      one(["NX", "XX", "GET", "KEEPTTL", "nx"]),
      sequence(one(["EX", "PX", "EXAT", "PXAT"]), one(["1000000", "9999999999999", "0", "-1", "x"])),
    ),
    0,
  ),
  "getex-options": maybe(
    either(
      literal("PERSIST"),
      sequence(one(["EX", "PX", "EXAT", "PXAT"]), one(["1000000", "9999999999999", "0", "x"])),
    ),
  ),
  "expire-options": times(2, one(["NX", "XX", "GT", "LT"]), 0),
  "key-values": times(3, sequence(key("string"), item)),
  "small-integer": odd(["0", "1", "2", "7", "8", "15", "31", "-1", "-2"], ODD_NUMBERS),
  bit: one(["0", "1", "0", "1", "2", "x"]),
  "bit-range": maybe(sequence(integer, integer, maybe(one(["BYTE", "BIT", "bit", "X"]), 2)), 2),
  operation: one(["AND", "OR", "XOR", "NOT", "and", "NAND"]),
  "bitfield-operations": times(
    3,
    either(
      sequence(literal("GET"), one(["u8", "i5", "u63", "i64", "u64", "x8"]), one(["0", "#1", "7", "-1", "x"])),
      sequence(literal("SET"), one(["u8", "i5", "i64"]), one(["0", "#1", "7"]), integer),
      sequence(literal("INCRBY"), one(["u8", "i5", "u2"]), one(["0", "#2"]), integer),
      sequence(literal("OVERFLOW"), one(["WRAP", "SAT", "FAIL", "x"])),
    ),
  ),
  "lcs-options": times(2, either(one(["LEN", "IDX", "WITHMATCHLEN"]), sequence(literal("MINMATCHLEN"), integer)), 0),
  replace: maybe(literal("REPLACE"), 2),
  pattern: one(PATTERNS),
  "sort-options": times(
    3,
    either(
      one(["ALPHA", "ASC", "DESC", "alpha"]),
      limit,
      sequence(literal("BY"), one(["string*", "hash*->a", "nosort", "hash0->*", "*"])),
      sequence(literal("GET"), one(["#", "string*", "hash*->b", "nowhere*"])),
    ),
    0,
  ),
  store: maybe(sequence(literal("STORE"), key("list")), 2),
};

const TEMPLATES: readonly string[] = `
  HSET h field-values | HSET h field-values | HMSET h field-values | HSETNX h item item | HGET h item | HMGET h items
  HGETALL h | HDEL h items | HLEN h | HSTRLEN h item | HEXISTS h item | HKEYS h | HVALS h | HINCRBY h item integer
  HINCRBYFLOAT h item float | HRANDFIELD h with-values | HSCAN h 0 scan-options
  LPUSH l items | RPUSH l items | LPUSH l items | RPUSH l items | LPUSHX l items | RPUSHX l items | LINSERT l where item item
  LLEN l | LINDEX l integer | LSET l integer item | LPOP l maybe-integer | RPOP l maybe-integer | LRANGE l integer integer
  LTRIM l integer integer | LPOS l item lpos-options | LREM l integer item | RPOPLPUSH l l | LMOVE l l end end
  LMPOP counted-lists end count | BLPOP lists timeout | BRPOP lists timeout | BRPOPLPUSH l l timeout
  BLMOVE l l end end timeout | BLMPOP timeout counted-lists end count
  SADD s items | SADD s items | SREM s items | SMOVE s s item | SISMEMBER s item | SMISMEMBER s items | SCARD s
  SPOP s maybe-integer | SRANDMEMBER s maybe-integer | SINTER sets | SUNION sets | SDIFF sets | SINTERSTORE s sets
  SUNIONSTORE s sets | SDIFFSTORE s sets | SINTERCARD counted-sets only-limit | SMEMBERS s | SSCAN s 0 scan-options
  ZADD z zadd-options score-members | ZADD z score-members | ZADD z score-members | ZADD z zadd-options score item
  ZINCRBY z score item | ZREM z items | ZCARD z | ZSCORE z item | ZMSCORE z items | ZRANK z item | ZREVRANK z item
  ZRANGE z bounds zrange-options | ZRANGE z bounds zrange-options | ZREVRANGE z integer integer maybe-scores
  ZRANGEBYSCORE z smin smax score-options | ZREVRANGEBYSCORE z smax smin score-options | ZRANGEBYLEX z lmin lmax limit
  ZREVRANGEBYLEX z lmax lmin limit | ZRANGESTORE z z bounds zrange-options | ZCOUNT z smin smax | ZLEXCOUNT z lmin lmax
  ZREMRANGEBYRANK z integer integer | ZREMRANGEBYSCORE z smin smax | ZREMRANGEBYLEX z lmin lmax
  ZPOPMIN z maybe-integer | ZPOPMAX z maybe-integer | ZMPOP counted-zsets side count | BZPOPMIN zsets timeout
  BZPOPMAX zsets timeout | BZMPOP timeout counted-zsets side count | ZRANDMEMBER z with-scores | ZSCAN z 0 scan-options
  ZUNION counted-zsets weights aggregate maybe-scores | ZINTER counted-zsets weights aggregate maybe-scores
  ZDIFF counted-zsets maybe-scores | ZUNIONSTORE z counted-zsets weights aggregate
  ZINTERSTORE z counted-zsets weights aggregate | ZDIFFSTORE z counted-zsets | ZINTERCARD counted-zsets only-limit
  SORT l sort-options store | SORT s sort-options store | SORT z sort-options | SORT_RO l sort-options
  SET k item set-options | SET k integer | SETNX k item | SETEX k seconds item | PSETEX k milliseconds item | GETSET k item
  GET k | GETDEL k | GETEX k getex-options | MGET strings | MSET key-values | MSETNX key-values | INCR k | DECR k
  INCRBY k integer | DECRBY k integer | INCRBYFLOAT k float | APPEND k item | STRLEN k | SETRANGE k small-integer item
  GETRANGE k integer integer | SUBSTR k integer integer | LCS k k lcs-options
  SETBIT k small-integer bit | GETBIT k small-integer | BITCOUNT k bit-range | BITPOS k bit bit-range
  BITOP operation k strings | BITFIELD k bitfield-operations | BITFIELD_RO k bitfield-operations
  DEL keys | UNLINK keys | EXISTS keys | TYPE key | RENAME key key | RENAMENX key key | COPY key key replace | TOUCH keys
  EXPIRE key seconds expire-options | PEXPIRE key milliseconds expire-options | EXPIREAT key seconds expire-options
  PEXPIREAT key milliseconds expire-options | TTL key | PTTL key | EXPIRETIME key | PEXPIRETIME key | PERSIST key | KEYS pattern
  DBSIZE
`
  .split(/[|\n]/)
  .map((template) => template.trim())
  .filter((template) => template !== "");

/** Of all commands that `known` says are there. */
export class Grammar {
  readonly #templates: readonly (readonly string[])[];

  constructor(known: (name: string) => boolean) {
    this.#templates = TEMPLATES.map((template) => template.split(" ")).filter(([name]) => known(name.toLowerCase()));
  }

  get names(): ReadonlySet<string> {
    return new Set(this.#templates.map(([name]) => name.toLowerCase()));
  }

  command(random: Random): string[] {
    // Now and then everything begins anew, so that keys are seen while they are small.
    if (random.oneIn(150)) return ["FLUSHALL"];
    if (random.oneIn(15)) return ["DEL", ...times(2, anyKey)(random)];
    const [name, ...words] = random.of(this.#templates);
    const args = words.flatMap((word) => (WORDS[word] ?? one([word]))(random));
    if (random.oneIn(40)) spoil(args, random);
    return [random.oneIn(6) ? name.toLowerCase() : name, ...args];
  }
}

/** One argument too many, too few, or another. */
function spoil(args: string[], random: Random): void {
  const at = random.below(args.length + 1);
  // Redis cuts what it says of an argument at a zero byte.
  const items = ITEMS.filter((text) => !text.includes("\0"));
  const other = random.of([...items, ...ODD_NUMBERS, ...ODD_SCORES, "WITHSCORES", "LIMIT", "COUNT"]);
  args.splice(at, random.below(2), ...(random.oneIn(2) ? [other] : []));
}
