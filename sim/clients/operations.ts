// Unary operations, each recorded as it was asked and as it was answered. Which form they take (JSON or protobuf, raw or base64,
// compressed or not) is left to chance: the forms must not differ in what they do.
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Answer, Call, Config, ReadStart } from "../check/history.ts";
import type { RequestHead } from "../world/exchange.ts";
import { type Client, failureOf, isMalformed, REQUEST_TIMEOUT_MS, type Reply, type Response } from "./client.ts";
import * as json from "./json.ts";
import { type Ack, type Batch, decodeAck, decodeBatch, encodeAppendInput } from "./protobuf.ts";
import { type ClientRecord, identify } from "./records.ts";

/** A stream, and what its basin does when it is missing. */
export interface StreamRef {
  readonly basin: string;
  readonly name: string;
  readonly createdOnAppend: boolean;
  readonly createdOnRead: boolean;
  /** For an encrypted stream: 32 bytes in base64. */
  readonly encryptionKey: string | undefined;
  /** The access token that is presented; none where anyone is let in. */
  readonly bearer?: string | undefined;
}

export interface AppendCall {
  readonly records: readonly ClientRecord[];
  readonly matchSeqNum?: number | undefined;
  readonly fencingToken?: string | undefined;
}

export interface ReadCall {
  readonly start: ReadStart;
  readonly count?: number | undefined;
  readonly clamp?: boolean | undefined;
  readonly waitSecs?: number | undefined;
  /** The id of the last event that came, for an event stream that is resumed. */
  readonly lastEventId?: string | undefined;
}

/** What histories call a stream. */
export function keyOf(stream: StreamRef): string {
  return `${stream.basin}/${stream.name}`;
}

function streamUrl(stream: StreamRef): string {
  return `/v1/streams/${encodeURIComponent(stream.name)}`;
}

/** Where a stream's records are. */
export function recordsUrl(stream: StreamRef): string {
  return `${streamUrl(stream)}/records`;
}

export function readUrl(stream: StreamRef, call: ReadCall): string {
  const { start } = call;
  const query = [
    start.kind === "seq_num"
      ? `seq_num=${start.seqNum}`
      : start.kind === "timestamp"
        ? `timestamp=${start.timestamp}`
        : `tail_offset=${start.offset}`,
  ];
  if (call.count !== undefined) query.push(`count=${call.count}`);
  if (call.clamp === true) query.push("clamp=true");
  if (call.waitSecs !== undefined) query.push(`wait=${call.waitSecs}`);
  return `${recordsUrl(stream)}?${query.join("&")}`;
}

/** What says which stream a request for records is for, and opens it. */
export function streamHeaders(stream: StreamRef): Record<string, string> {
  const { basin, encryptionKey, bearer } = stream;
  return {
    "s2-basin": basin,
    ...(encryptionKey === undefined ? {} : { "s2-encryption-key": encryptionKey }),
    ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
  };
}

/** An append as histories have it. */
export function recordedAppend({ records, matchSeqNum, fencingToken }: AppendCall, stream: StreamRef): Call {
  return {
    kind: "append",
    records: records.map(({ id, command }) => (command === undefined ? { id } : { id, command })),
    ...(matchSeqNum === undefined ? {} : { matchSeqNum }),
    ...(fencingToken === undefined ? {} : { fencingToken }),
    ...(stream.createdOnAppend ? { createsStream: true } : {}),
  };
}

interface Asked {
  readonly request: RequestHead;
  readonly body?: Uint8Array;
  readonly timeoutMs?: number;
}

/** Sends and records one operation: `success` reads an answer of 2xx, everything else is judged by its status and code. */
async function operate(
  client: Client,
  stream: StreamRef,
  call: Call,
  { request, body, timeoutMs = REQUEST_TIMEOUT_MS }: Asked,
  success: (response: Response) => Answer,
): Promise<Answer> {
  const pending = client.recorder.invoke(client.name, keyOf(stream), call);
  const reply = await client.send(request, body, timeoutMs);
  if (isMalformed(reply)) client.world.violation(`${request.method} ${request.url} was refused: ${textOf(reply)}`);
  const answer = typeof reply === "object" && reply.status < 300 ? success(reply) : failureOf(reply);
  pending.answer(answer);
  return answer;
}

function textOf(reply: Reply): string {
  return typeof reply === "string" ? reply : `${reply.status} ${reply.body.toString()}`;
}

// Records.

export function append(client: Client, stream: StreamRef, call: AppendCall): Promise<Answer> {
  const { chance } = client;
  const protobuf = chance.happens(0.5);
  const base64 = chance.happens(0.5);
  const plain = protobuf
    ? encodeAppendInput(call.records, call.matchSeqNum, call.fencingToken)
    : json.appendInput(call.records, call.matchSeqNum, call.fencingToken, base64);
  const encoding = chance.happens(0.1) ? chance.pick(["gzip", "zstd"] as const) : undefined;
  const body = encoding === undefined ? plain : encoding === "gzip" ? gzipSync(plain) : zstdCompressSync(plain);
  const request: RequestHead = {
    method: "POST",
    url: recordsUrl(stream),
    headers: {
      ...streamHeaders(stream),
      "content-type": protobuf ? "application/protobuf" : "application/json",
      "content-length": String(body.length),
      ...(encoding === undefined ? {} : { "content-encoding": encoding }),
      ...(base64 ? { "s2-format": "base64" } : {}),
      ...(protobuf ? { accept: "application/protobuf" } : {}),
    },
  };
  const ackOf = (response: Response): Ack =>
    protobuf ? decodeAck(response.body) : json.ack(json.parseJson(response.body));
  return operate(client, stream, recordedAppend(call, stream), { request, body }, (response) => ({
    kind: "appended",
    ...ackOf(response),
  }));
}

export function read(client: Client, stream: StreamRef, call: ReadCall): Promise<Answer> {
  const { chance } = client;
  const protobuf = chance.happens(0.5);
  const base64 = chance.happens(0.5);
  const request: RequestHead = {
    method: "GET",
    url: readUrl(stream, call),
    headers: {
      ...streamHeaders(stream),
      ...(protobuf ? { accept: "application/protobuf" } : {}),
      ...(base64 ? { "s2-format": "base64" } : {}),
    },
  };
  const timeoutMs = REQUEST_TIMEOUT_MS + 1000 * (call.waitSecs ?? 0);
  return operate(
    client,
    stream,
    {
      kind: "read",
      start: call.start,
      ...(call.clamp === true ? { clamp: true } : {}),
      ...(stream.createdOnRead ? { createsStream: true } : {}),
    },
    { request, timeoutMs },
    (response) => {
      const batch = protobuf ? decodeBatch(response.body) : json.batch(json.parseJson(response.body), base64);
      return batchAnswer(batch, call);
    },
  );
}

/** The longest unary answer (API: read), and what surely leaves room in it for the largest record that is ever appended here. */
const MAX_READ_RECORDS = 1000;
const ROOMY_READ_BYTES = 40_000;

function batchAnswer({ records, tail }: Batch, call: ReadCall): Answer {
  let bytes = 0;
  for (const { headers, body } of records) {
    bytes += 8 + body.length;
    for (const [name, value] of headers) bytes += 2 + name.length + value.length;
  }
  return {
    kind: "records",
    records: records.map(({ seqNum, timestamp, headers, body }) => ({
      seqNum,
      timestamp,
      id: identify({ headers, body }),
    })),
    endsAtTail: call.count === undefined && records.length < MAX_READ_RECORDS && bytes < ROOMY_READ_BYTES,
    ...(tail === undefined ? {} : { tail }),
  };
}

export function checkTail(client: Client, stream: StreamRef): Promise<Answer> {
  return operate(
    client,
    stream,
    { kind: "check-tail", ...(stream.createdOnRead ? { createsStream: true } : {}) },
    { request: { method: "GET", url: `${recordsUrl(stream)}/tail`, headers: { "s2-basin": stream.basin } } },
    (response) => ({ kind: "tail", tail: json.position(json.field(json.parseJson(response.body), "tail")) }),
  );
}

// The catalog.

/** What a stream has whose creation says nothing else (API: resources). */
const DEFAULT_CONFIG: Config = {
  storageClass: "express",
  retention: String(7 * 24 * 3600),
  deleteOnEmpty: "0",
};

/** The fields of a stream's config that simulations look at, as the API writes them. */
function configJson(config: Config): object {
  return {
    ...(config.storageClass === undefined ? {} : { storage_class: config.storageClass }),
    ...(config.retention === undefined ? {} : { retention_policy: { age: Number(config.retention) } }),
    ...(config.deleteOnEmpty === undefined ? {} : { delete_on_empty: { min_age_secs: Number(config.deleteOnEmpty) } }),
  };
}

function configAnswer(response: Response): Answer {
  const config = json.parseJson(response.body);
  const age = json.field(json.field(config, "retention_policy") ?? null, "age");
  const minAge = json.field(json.field(config, "delete_on_empty") ?? null, "min_age_secs");
  return {
    kind: "config",
    config: {
      storageClass: json.text(json.field(config, "storage_class")),
      retention: String(age),
      deleteOnEmpty: String(minAge),
    },
  };
}

function provisioned(response: Response): Answer {
  const result = response.headers["s2-provision-result"];
  const known = (["created", "updated", "noop"] as const).find((each) => each === result);
  return { kind: "provisioned", ...(known === undefined ? {} : { result: known }) };
}

function jsonAsked(
  method: string,
  url: string,
  stream: StreamRef,
  json: object,
  headers: Readonly<Record<string, string>> = {},
): Asked {
  return {
    request: {
      method,
      url,
      headers: { "s2-basin": stream.basin, "content-type": "application/json", ...headers },
    },
    body: Buffer.from(JSON.stringify(json)),
  };
}

/** `requestToken` makes it idempotent. */
export function createStream(
  client: Client,
  stream: StreamRef,
  config: Config,
  requestToken: string | undefined,
): Promise<Answer> {
  const token = requestToken === undefined ? undefined : { "s2-request-token": requestToken };
  return operate(
    client,
    stream,
    {
      kind: "create",
      config: { ...DEFAULT_CONFIG, ...config },
      ...(requestToken === undefined ? {} : { requestToken }),
    },
    jsonAsked("POST", "/v1/streams", stream, { stream: stream.name, config: configJson(config) }, token),
    provisioned,
  );
}

export function ensureStream(client: Client, stream: StreamRef, config: Config): Promise<Answer> {
  return operate(
    client,
    stream,
    { kind: "ensure", config: { ...DEFAULT_CONFIG, ...config } },
    jsonAsked("PUT", streamUrl(stream), stream, configJson(config)),
    provisioned,
  );
}

export function reconfigureStream(client: Client, stream: StreamRef, patch: Config): Promise<Answer> {
  const asked = jsonAsked("PATCH", streamUrl(stream), stream, configJson(patch));
  return operate(client, stream, { kind: "reconfigure", patch }, asked, configAnswer);
}

export function getStream(client: Client, stream: StreamRef): Promise<Answer> {
  const request = { method: "GET", url: streamUrl(stream), headers: { "s2-basin": stream.basin } };
  return operate(client, stream, { kind: "get" }, { request }, configAnswer);
}

export function deleteStream(client: Client, stream: StreamRef): Promise<Answer> {
  const request = { method: "DELETE", url: streamUrl(stream), headers: { "s2-basin": stream.basin } };
  return operate(client, stream, { kind: "delete" }, { request }, () => ({ kind: "deleted" }));
}

/** The names of a basin's streams that are not being deleted, in the order in which they came; undefined when it was not answered. */
export async function listStreams(client: Client, basin: string): Promise<string[] | undefined> {
  const reply = await client.send({ method: "GET", url: "/v1/streams", headers: { "s2-basin": basin } }, undefined);
  if (typeof reply === "string" || reply.status !== 200) return undefined;
  const streams = json.field(json.parseJson(reply.body), "streams");
  if (!Array.isArray(streams)) throw new Error("a listing has no streams");
  return streams
    .filter((each: json.Json) => json.field(each, "deleted_at") === null)
    .map((each: json.Json) => json.text(json.field(each, "name")));
}

/** Deletes a basin. What becomes of its streams, and when, histories do not say: for each a deletion of unknown outcome. */
export async function deleteBasin(client: Client, basin: string, streams: readonly StreamRef[]): Promise<void> {
  for (const stream of streams)
    client.recorder.invoke(client.name, keyOf(stream), { kind: "delete" }).answer({ kind: "unknown" });
  await client.send({ method: "DELETE", url: `/v1/basins/${basin}`, headers: {} }, undefined);
}

/** Basins are no part of histories. True once it is there. */
export async function ensureBasin(client: Client, basin: string, config: object): Promise<boolean> {
  const body = Buffer.from(JSON.stringify({ config }));
  const headers = { "content-type": "application/json" };
  const reply = await client.send({ method: "PUT", url: `/v1/basins/${basin}`, headers }, body);
  return typeof reply === "object" && reply.status < 300;
}
