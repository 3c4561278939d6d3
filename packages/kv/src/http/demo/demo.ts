// The routes of the S2 KV demo (github.com/s2-streamstore/s2-kv-demo), answering as it does: the position that the state
// reflects, and the value. A typed value is kept as JSON in a string.

import { seqNumOf } from "../../state/revision.ts";
import { ApiError, apiErrorOf, badRequest } from "../errors.ts";
import { type Answer, type Exchange, json } from "../exchange.ts";
import { isObject } from "../json.ts";
import { MAX_JSON_BODY_BYTES } from "../limits.ts";
import type { Transacted } from "../transact.ts";
import { transact } from "../transact.ts";
import { canonical, NotTypedError, parseExactly } from "./typed-value.ts";

const CONTENT_TYPE = "application/json";

export function putTyped(exchange: Exchange): Promise<Answer> {
  return answering(async () => {
    exchange.target.only();
    const { key, value } = typedRequest(await exchange.body(MAX_JSON_BODY_BYTES));
    const success = [{ op: "put", key, value, contentType: CONTENT_TYPE, ttlMs: undefined }] as const;
    const done = await transact(exchange.store, { compare: [], success, failure: [] });
    return json(200, { Ok: reflected(done) });
  });
}

export function deleteTyped({ store, target }: Exchange): Promise<Answer> {
  return answering(async () => {
    const success = [{ op: "delete", key: keyParameter(target) }] as const;
    return json(200, { Ok: reflected(await transact(store, { compare: [], success, failure: [] })) });
  });
}

export function getTyped(consistency: "strong" | "eventual") {
  return ({ store, target }: Exchange): Promise<Answer> =>
    answering(async () => {
      const success = [{ op: "get", key: keyParameter(target) }] as const;
      const done = await transact(store, { compare: [], success, failure: [] }, consistency);
      const [found] = done.results;
      if (typeof found !== "object") return json(404, { Missing: reflected(done) });
      const text = `{"Ok":[${JSON.stringify(reflected(done))},${storedValue(found.value)}]}`;
      return { status: 200, headers: { "content-type": CONTENT_TYPE }, body: text };
    });
}

/** Errors as the demo shows them. */
async function answering(answer: () => Promise<Answer>): Promise<Answer> {
  try {
    return await answer();
  } catch (cause) {
    const error = apiErrorOf(cause);
    if (error === undefined) throw cause;
    return json(error.status, { Error: error.message }, error.headers);
  }
}

/** The records below this are in the state. */
function reflected({ revision }: Transacted): { readonly end: number } {
  return { end: seqNumOf(revision) + 1 };
}

function keyParameter(target: Exchange["target"]): string {
  target.only("key");
  const key = target.text("key");
  if (key === undefined) throw badRequest("the parameter key is missing");
  return key;
}

function typedRequest(body: Buffer): { readonly key: string; readonly value: string } {
  try {
    const request = parseExactly(body);
    if (!isObject(request) || typeof request.key !== "string" || !request.key.isWellFormed()) {
      throw badRequest('the body is {"key": "…", "value": {…}}');
    }
    return { key: bytesOf(request.key), value: bytesOf(canonical(request.value)) };
  } catch (error) {
    throw error instanceof NotTypedError ? badRequest(error.message) : error;
  }
}

/** The JSON in a string that a typed value was put into. Throws `ApiError` where the key was set otherwise. */
function storedValue(value: string): string {
  try {
    return canonical(parseExactly(Buffer.from(value, "latin1")));
  } catch (error) {
    if (error instanceof NotTypedError) throw new ApiError("wrong_type", "the key holds no typed value");
    throw error;
  }
}

function bytesOf(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
