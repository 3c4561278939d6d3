// Transactions: comparisons, and operations to do if all of them hold, or else. All at one place in the log.
import { MAX_TTL_MS } from "../../command/limits.ts";
import type { Comparison, Operation, OperationResult, Relation, TimeToLive } from "../../command/transactions.ts";
import { badRequest } from "../errors.ts";
import { type Answer, type Exchange, json } from "../exchange.ts";
import { bytesFields, type JsonObject, objectOf, parseJson, readBytes } from "../json.ts";
import { MAX_JSON_BODY_BYTES, MAX_OPERATIONS } from "../limits.ts";
import { transact } from "../transact.ts";
import { checkedContentType } from "./value.ts";

export async function postTransaction(exchange: Exchange): Promise<Answer> {
  const { store, target } = exchange;
  target.only();
  const body = objectOf(parseJson(await exchange.body(MAX_JSON_BODY_BYTES)), "a transaction", [
    "compare",
    "then",
    "else",
  ]);
  const compare = listOf(body, "compare", comparisonOf);
  const success = listOf(body, "then", operationOf);
  const failure = listOf(body, "else", operationOf);
  const { succeeded, results, revision } = await transact(store, { compare, success, failure });
  const operations = succeeded ? success : failure;
  return json(200, { succeeded, revision, results: operations.map((each, i) => resultJson(each, results[i])) });
}

function listOf<T>(body: JsonObject, name: string, read: (value: unknown) => T): T[] {
  const list = body[name] ?? [];
  if (!Array.isArray(list) || list.length > MAX_OPERATIONS) {
    throw badRequest(`${name} must be a list of up to ${MAX_OPERATIONS}`);
  }
  return list.map(read);
}

function comparisonOf(value: unknown): Comparison {
  const fields = objectOf(value, "a comparison", [
    "key",
    "key_base64",
    "is",
    "exists",
    "revision",
    "value",
    "value_base64",
  ]);
  const key = keyOf(fields);
  const compared = readBytes("value", fields);
  const { exists, revision } = fields;
  if ([exists, revision, compared].filter((each) => each !== undefined).length !== 1) {
    throw badRequest("a comparison has one of exists, revision and value");
  }
  if (exists !== undefined) {
    if (typeof exists !== "boolean" || fields.is !== undefined) throw badRequest("exists is true or false, without is");
    return { key, target: "exists", exists };
  }
  const is = relationOf(fields.is);
  if (compared !== undefined) return { key, target: "value", is, value: compared };
  if (!isNatural(revision)) throw badRequest("a revision is a natural number");
  return { key, target: "revision", is, revisions: [revision] };
}

function relationOf(value: unknown): Relation {
  if (value === undefined) return "=";
  if (value === "=" || value === "!=" || value === "<" || value === ">") return value;
  throw badRequest('is must be "=", "!=", "<" or ">"');
}

function operationOf(value: unknown): Operation {
  const fields = objectOf(value, "an operation", [
    "op",
    "key",
    "key_base64",
    "value",
    "value_base64",
    "content_type",
    "ttl_ms",
  ]);
  const key = keyOf(fields);
  const { op } = fields;
  const put = readBytes("value", fields);
  if (op === "get" || op === "delete") {
    if (put !== undefined || fields.content_type !== undefined || fields.ttl_ms !== undefined) {
      throw badRequest(`${op} has a key alone`);
    }
    return { op, key };
  }
  if (op !== "put") throw badRequest('op must be "get", "put" or "delete"');
  if (put === undefined) throw badRequest("put needs a value or value_base64");
  return { op, key, value: put, contentType: contentTypeOf(fields), ttlMs: timeToLiveOf(fields) };
}

function keyOf(fields: JsonObject): string {
  const key = readBytes("key", fields);
  if (key === undefined) throw badRequest("a key or key_base64 is missing");
  if (key === "") throw badRequest("a key has at least one byte");
  return key;
}

function contentTypeOf({ content_type: text = "" }: JsonObject): string {
  if (typeof text !== "string") throw badRequest("content_type must be text");
  return checkedContentType(text);
}

function timeToLiveOf({ ttl_ms: ttlMs }: JsonObject): TimeToLive {
  if (ttlMs === undefined || ttlMs === "keep") return ttlMs;
  if (!isNatural(ttlMs) || ttlMs === 0 || ttlMs > MAX_TTL_MS)
    throw badRequest(`ttl_ms is "keep" or from 1 to ${MAX_TTL_MS}`);
  return ttlMs;
}

function isNatural(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function resultJson({ op, key }: Operation, result: OperationResult): object {
  const head = { op, ...bytesFields("key", key) };
  if (op === "put") return head;
  if (op === "delete") return { ...head, deleted: result === true };
  if (typeof result !== "object") return { ...head, found: false };
  const { value, contentType, revision, expiresAtMs } = result;
  return {
    ...head,
    found: true,
    revision,
    ...(contentType === "" ? {} : { content_type: contentType }),
    ...(expiresAtMs === undefined ? {} : { expires_at_ms: expiresAtMs }),
    ...bytesFields("value", value),
  };
}
