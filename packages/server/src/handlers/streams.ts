// Streams: create, ensure, list, get, reconfigure, delete (API: streams).
import type { StreamInfo } from "@tailrace/engine";
import { listStreamsWithin, nameForHolder, streamInBody, streamsTarget, streamTarget } from "../access/targets.ts";
import { type ApiRequest, jsonReply, type Reply } from "../api-request.ts";
import { partialStreamConfig, streamConfigJson, streamConfigPatch } from "../config-json.ts";
import type { Context } from "../context.ts";
import { object, parseJson, string } from "../json-shape.ts";
import { requireJson } from "../media.ts";
import { timeJson } from "../time-json.ts";
import { idempotency } from "./basins.ts";

function streamJson(request: ApiRequest, info: StreamInfo): object {
  return {
    name: nameForHolder(request, info.name),
    created_at: timeJson(info.createdAtMs),
    deleted_at: info.deletedAtMs === null ? null : timeJson(info.deletedAtMs),
    cipher: info.cipher,
  };
}

export async function createStream(context: Context, request: ApiRequest): Promise<Reply> {
  const basin = streamsTarget(request, "create-stream");
  requireJson(request);
  const body = await request.readBody();
  const json = object(parseJson(body), "body");
  const name = streamInBody(request, basin, string(json.stream, "stream"));
  const config = partialStreamConfig(json.config);
  const { info, result } = await context.engine.streams.create(basin, name, config, idempotency(request, body));
  return jsonReply(201, streamJson(request, info), { "s2-provision-result": result });
}

export async function ensureStream(context: Context, request: ApiRequest): Promise<Reply> {
  // It does the one or the other, and which is known only once it is done.
  request.access.require("reconfigure-stream");
  const { basin, stream: name } = streamTarget(request, "create-stream");
  const body = await request.readBody();
  if (body.length > 0) requireJson(request);
  const config = partialStreamConfig(body.length === 0 ? null : parseJson(body));
  const { info, result } = await context.engine.streams.ensure(basin, name, config);
  return jsonReply(result === "created" ? 201 : 200, streamJson(request, info), { "s2-provision-result": result });
}

export async function listStreams(context: Context, request: ApiRequest): Promise<Reply> {
  const page = await context.engine.streams.list(streamsTarget(request, "list-streams"), listStreamsWithin(request));
  return jsonReply(200, { streams: page.items.map((info) => streamJson(request, info)), has_more: page.hasMore });
}

export async function getStream(context: Context, request: ApiRequest): Promise<Reply> {
  const { basin, stream } = streamTarget(request, "get-stream-config");
  const { config } = await context.engine.streams.get(basin, stream);
  return jsonReply(200, streamConfigJson(config));
}

export async function reconfigureStream(context: Context, request: ApiRequest): Promise<Reply> {
  const { basin, stream: name } = streamTarget(request, "reconfigure-stream");
  requireJson(request);
  const patch = streamConfigPatch(parseJson(await request.readBody()));
  return jsonReply(200, streamConfigJson(await context.engine.streams.reconfigure(basin, name, patch)));
}

export async function deleteStream(context: Context, request: ApiRequest): Promise<Reply> {
  const { basin, stream } = streamTarget(request, "delete-stream");
  await context.engine.streams.delete(basin, stream);
  return { kind: "reply", status: 202 };
}
