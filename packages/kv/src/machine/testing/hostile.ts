// Commands by chance, over few keys and with whatever arguments: well-formed ones, and such as nobody should send.
import fc from "fast-check";
import { COMMANDS } from "../../command/table.ts";
import {
  type CompareAndDo,
  type Comparison,
  type Operation,
  type Relation,
  transactionArguments,
} from "../../command/transactions.ts";
import { revisionOf } from "../../state/revision.ts";

const KEYS = ["a", "b", "c", ""];
const NUMBERS = [
  "0",
  "1",
  "-1",
  "7",
  "100",
  "4294967296",
  "9223372036854775807",
  "-9223372036854775808",
  "1e400",
  "nan",
];
const OPTIONS =
  "EX PX NX XX GET KEEPTTL GT LT PERSIST MATCH COUNT TYPE BIT BYTE AND OR XOR NOT SET INCRBY OVERFLOW SAT FAIL WRAP u8 i64 #1 LEN IDX REPLACE DB WITHSCORES LIMIT BYSCORE BYLEX REV WEIGHTS AGGREGATE SUM MIN MAX LEFT RIGHT BEFORE AFTER RANK MAXLEN (1 [a + - +inf -inf ENCODING USAGE".split(
    " ",
  );

const binary = fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes).toString("latin1"));

const argument: fc.Arbitrary<string> = fc.oneof(
  { arbitrary: fc.constantFrom(...KEYS), weight: 4 },
  { arbitrary: fc.constantFrom(...NUMBERS), weight: 3 },
  { arbitrary: fc.constantFrom(...OPTIONS), weight: 3 },
  { arbitrary: binary, weight: 1 },
);

const single: fc.Arbitrary<readonly string[]> = fc.constantFrom(...COMMANDS.values()).chain(({ name, arity }) => {
  const least = Math.abs(arity) - 1;
  const most = arity > 0 ? least : least + 5;
  const right = fc.array(argument, { minLength: least, maxLength: most });
  return fc
    .oneof({ arbitrary: right, weight: 9 }, { arbitrary: fc.array(argument, { maxLength: 6 }), weight: 1 })
    .map((args) => [name, ...args]);
});

const key = fc.constantFrom(...KEYS);
const relation = fc.constantFrom<Relation>("=", "!=", "<", ">");
const comparison: fc.Arbitrary<Comparison> = fc.oneof(
  fc.record({ key, target: fc.constant("exists" as const), exists: fc.boolean() }),
  fc.record({
    key,
    target: fc.constant("revision" as const),
    is: relation,
    revisions: fc.array(
      fc.nat(50).map((position) => revisionOf(position, 0)),
      { minLength: 1, maxLength: 3 },
    ),
  }),
  fc.record({ key, target: fc.constant("value" as const), is: relation, value: argument }),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ op: fc.constantFrom("get" as const, "delete" as const), key }),
  fc.record({
    op: fc.constant("put" as const),
    key,
    value: argument,
    contentType: fc.constantFrom("", "text/plain", "x".repeat(300)),
    ttlMs: fc.constantFrom(undefined, "keep" as const, 0, 1, 1000, Number.MAX_SAFE_INTEGER),
  }),
);

/** Transactions of the HTTP API, well-formed ones, over the same keys. */
export const transaction: fc.Arbitrary<CompareAndDo> = fc.record({
  compare: fc.array(comparison, { maxLength: 2 }),
  success: fc.array(operation, { maxLength: 3 }),
  failure: fc.array(operation, { maxLength: 3 }),
});

/** Of any family; with a number of arguments that is nearly always right. */
export const command: fc.Arbitrary<string[]> = fc.oneof(
  { arbitrary: single.map((args) => [...args]), weight: 9 },
  { arbitrary: transaction.map((each) => [...transactionArguments(each)]), weight: 1 },
);
