// The client's half of the JSON forms. Numbers of 64 bits are read from their digits.
import type { Position } from "../check/history.ts";
import type { Ack, Batch } from "./protobuf.ts";
import type { ClientRecord, WireRecord } from "./records.ts";

/** What JSON can hold, with integers exact: whole numbers come as bigint. */
export type Json = null | boolean | bigint | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Numbers arrive with their digits (the proposal "JSON.parse source text access"), which the types do not know yet. */
const parseExactly = JSON.parse as (
  text: string,
  reviver: (name: string, value: unknown, context: { source?: string }) => unknown,
) => Json;

export function parseJson(bytes: Uint8Array): Json {
  return parseExactly(Buffer.from(bytes).toString(), (_name, value, { source }) =>
    typeof value === "number" && source !== undefined && /^[0-9]+$/.test(source) ? BigInt(source) : value,
  );
}

export function field(json: Json, name: string): Json | undefined {
  return typeof json === "object" && json !== null && !Array.isArray(json)
    ? (json as { readonly [name: string]: Json })[name]
    : undefined;
}

export function text(json: Json | undefined): string {
  return typeof json === "string" ? json : "";
}

export function integer(json: Json | undefined): bigint {
  if (typeof json !== "bigint") throw new Error(`the server sent ${String(json)} where an integer should be`);
  return json;
}

export function position(json: Json | undefined): Position {
  if (json === undefined) throw new Error("the server left a position out");
  return { seqNum: Number(integer(field(json, "seq_num"))), timestamp: integer(field(json, "timestamp")) };
}

export function ack(json: Json): Ack {
  return {
    start: position(field(json, "start")),
    end: position(field(json, "end")),
    tail: position(field(json, "tail")),
  };
}

/** `base64`: how the server was asked to write names, values and bodies. */
export function batch(json: Json, base64: boolean): Batch {
  const tail = field(json, "tail");
  const records = field(json, "records");
  return {
    records: Array.isArray(records) ? records.map((each: Json) => record(each, base64)) : [],
    tail: tail === undefined || tail === null ? undefined : position(tail),
  };
}

function record(json: Json, base64: boolean): WireRecord {
  const read = (value: Json | undefined) => Buffer.from(text(value), base64 ? "base64" : "utf8");
  const headers = field(json, "headers");
  return {
    ...position(json),
    headers: Array.isArray(headers)
      ? headers.map((pair: Json): [string, string] => {
          const [name, value] = Array.isArray(pair) ? pair : [];
          return [read(name).toString(), read(value).toString()];
        })
      : [],
    body: read(field(json, "body")),
  };
}

export function appendInput(
  records: readonly ClientRecord[],
  matchSeqNum: number | undefined,
  fencingToken: string | undefined,
  base64: boolean,
): Buffer {
  const write = (bytes: Uint8Array) => JSON.stringify(Buffer.from(bytes).toString(base64 ? "base64" : "utf8"));
  const items = records.map((each) => {
    const headers = each.headers.map(([name, value]) => `[${write(Buffer.from(name))},${write(Buffer.from(value))}]`);
    return `{${[
      ...(each.timestamp === undefined ? [] : [`"timestamp":${each.timestamp}`]),
      ...(headers.length === 0 ? [] : [`"headers":[${headers.join(",")}]`]),
      `"body":${write(each.body)}`,
    ].join(",")}}`;
  });
  return Buffer.from(
    `{${[
      `"records":[${items.join(",")}]`,
      ...(matchSeqNum === undefined ? [] : [`"match_seq_num":${matchSeqNum}`]),
      ...(fencingToken === undefined ? [] : [`"fencing_token":${JSON.stringify(fencingToken)}`]),
    ].join(",")}}`,
  );
}
