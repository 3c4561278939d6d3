// One key's value: read, set and removed, under conditions if asked for.
import { MAX_TTL_MS } from "../../command/limits.ts";
import type { Comparison, Operation, TimeToLive } from "../../command/transactions.ts";
import { type Entry, NEVER } from "../../state/entry.ts";
import type { Store } from "../../store/store.ts";
import { type Conditions, comparisonsOf, conditionsOf, entityTag, verdictOn } from "../conditions.ts";
import { CONSISTENCY_PARAMETERS, consistencyOf } from "../consistency.ts";
import { ApiError, badRequest, wrongType } from "../errors.ts";
import { type Answer, type Exchange, json } from "../exchange.ts";
import { MAX_VALUE_BODY_BYTES } from "../limits.ts";
import type { Target } from "../target.ts";
import { type Transacted, transact } from "../transact.ts";

const DEFAULT_CONTENT_TYPE = "application/octet-stream";
/** Of the state that a read was answered from. */
const REVISION_HEADER = "tailrace-revision";
const EXPIRY_HEADER = "tailrace-expires-at-ms";

export async function getValue({ store, target, request, key }: Exchange): Promise<Answer> {
  target.only(...CONSISTENCY_PARAMETERS);
  const conditions = conditionsOf(request.headers);
  const { entry, at } = await store.query(
    {
      keys: [key],
      answer: (keyspace) => ({ entry: copyOf(keyspace.get(key)), at: String(keyspace.revision) }),
    },
    consistencyOf(target),
  );
  if (entry === undefined) {
    if (conditions.match !== undefined) throw preconditionFailed(0);
    throw new ApiError("key_not_found", "there is no such key", { [REVISION_HEADER]: at });
  }
  const { value, revision, contentType, expiresAtMs } = entry;
  if (typeof value !== "string") throw wrongType();
  const verdict = verdictOn(revision, conditions);
  if (verdict === "failed") throw preconditionFailed(revision);
  const headers: Record<string, string> = { etag: entityTag(revision), [REVISION_HEADER]: at };
  if (expiresAtMs !== NEVER) headers[EXPIRY_HEADER] = String(expiresAtMs);
  if (verdict === "not-modified") return { status: 304, headers };
  headers["content-type"] = contentType === "" ? DEFAULT_CONTENT_TYPE : contentType;
  return { status: 200, headers, body: Buffer.from(value, "latin1") };
}

export async function putValue(exchange: Exchange): Promise<Answer> {
  const { store, target, request, key } = exchange;
  target.only("ttl_ms");
  const conditions = conditionsOf(request.headers);
  const ttlMs = timeToLiveOf(target);
  const contentType = checkedContentType(request.headers["content-type"] ?? "");
  const value = (await exchange.body(MAX_VALUE_BODY_BYTES)).toString("latin1");
  const { revision } = await underConditions(store, key, conditions, { op: "put", key, value, contentType, ttlMs });
  return json(200, { revision }, { etag: entityTag(revision) });
}

export async function deleteValue({ store, target, request, key }: Exchange): Promise<Answer> {
  target.only();
  const conditions = conditionsOf(request.headers);
  const { revision, results } = await underConditions(store, key, conditions, { op: "delete", key });
  return json(200, { revision, deleted: results[0] === true });
}

/** Throws `ApiError`. */
export function checkedContentType(text: string): string {
  if (!/^[\x20-\x7e]{0,256}$/.test(text)) throw badRequest("a content type has up to 256 printable ASCII characters");
  return text;
}

function timeToLiveOf(target: Target): TimeToLive {
  return target.text("ttl_ms") === "keep" ? "keep" : target.number("ttl_ms", 1, MAX_TTL_MS);
}

async function underConditions(
  store: Store,
  key: string,
  conditions: Conditions,
  operation: Operation,
): Promise<Transacted> {
  const compare: readonly Comparison[] | undefined = comparisonsOf(key, conditions);
  if (compare === undefined) throw preconditionFailed(0);
  const failure: readonly Operation[] = compare.length === 0 ? [] : [{ op: "get", key }];
  const done = await transact(store, { compare, success: [operation], failure });
  if (done.succeeded) return done;
  const [found] = done.results;
  throw preconditionFailed(typeof found === "object" ? found.revision : 0);
}

/** The revision that the key has: 0 if it is not there, or nobody has looked. */
function preconditionFailed(revision: number): ApiError {
  const headers: Record<string, string> = revision === 0 ? {} : { etag: entityTag(revision) };
  return new ApiError("precondition_failed", "the key is not as the request's conditions ask for", headers);
}

/** An entry may change later, and strings in it do not. */
function copyOf(entry: Entry | undefined): Entry | undefined {
  return entry && { ...entry };
}
