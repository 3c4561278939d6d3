// Basins: create, ensure, list, get, reconfigure, delete (API: basins).
import { createHash } from "node:crypto";
import type { BasinInfo, Idempotency } from "@tailrace/engine";
import { basinInBody, basinTarget, listWithin } from "../access/targets.ts";
import { type ApiRequest, jsonReply, type Reply } from "../api-request.ts";
import { basinConfig, basinConfigJson, basinConfigPatch } from "../config-json.ts";
import type { Context } from "../context.ts";
import { object, parseJson, string } from "../json-shape.ts";
import { requireJson } from "../media.ts";
import { basinListOptions, checkLocationName, requestToken } from "../names.ts";
import { timeJson } from "../time-json.ts";

const PROVISION_RESULT = "s2-provision-result";

function basinJson(info: BasinInfo): object {
  return {
    name: info.name,
    location: info.location,
    created_at: timeJson(info.createdAtMs),
    deleted_at: info.deletedAtMs === null ? null : timeJson(info.deletedAtMs),
    state: info.deletedAtMs === null ? "active" : "deleting",
  };
}

function locationOf(value: unknown): string | undefined {
  return value === undefined || value === null ? undefined : checkLocationName(string(value, "location"));
}

/** Input is compared as it was sent. */
export function idempotency(request: ApiRequest, body: Uint8Array): Idempotency | undefined {
  const token = requestToken(request);
  return token === undefined
    ? undefined
    : { requestToken: token, fingerprint: createHash("sha256").update(body).digest("hex") };
}

export async function createBasin(context: Context, request: ApiRequest): Promise<Reply> {
  request.access.require("create-basin");
  requireJson(request);
  const body = await request.readBody();
  const json = object(parseJson(body), "body");
  const name = basinInBody(request, string(json.basin, "basin"));
  const config = basinConfig(json.config);
  const location = locationOf(json.location);
  const { info, result } = await context.engine.basins.create(name, config, idempotency(request, body), location);
  return jsonReply(201, basinJson(info), { [PROVISION_RESULT]: result });
}

export async function ensureBasin(context: Context, request: ApiRequest): Promise<Reply> {
  // It does the one or the other, and which is known only once it is done.
  request.access.require("reconfigure-basin");
  const name = basinTarget(request, "create-basin");
  const body = await request.readBody();
  if (body.length > 0) requireJson(request);
  const value = body.length === 0 ? null : parseJson(body);
  const json = value === null ? {} : object(value, "body");
  const config = basinConfig(json.config);
  const { info, result } = await context.engine.basins.ensure(name, config, locationOf(json.location));
  return jsonReply(result === "created" ? 201 : 200, basinJson(info), { [PROVISION_RESULT]: result });
}

export async function listBasins(context: Context, request: ApiRequest): Promise<Reply> {
  request.access.require("list-basins");
  const page = await context.engine.basins.list(basinListOptions(listWithin(request, request.access.scope.basins)));
  return jsonReply(200, { basins: page.items.map(basinJson), has_more: page.hasMore });
}

export async function getBasin(context: Context, request: ApiRequest): Promise<Reply> {
  const { config } = await context.engine.basins.get(basinTarget(request, "get-basin-config"));
  return jsonReply(200, basinConfigJson(config));
}

export async function reconfigureBasin(context: Context, request: ApiRequest): Promise<Reply> {
  const name = basinTarget(request, "reconfigure-basin");
  requireJson(request);
  const patch = basinConfigPatch(parseJson(await request.readBody()));
  return jsonReply(200, basinConfigJson(await context.engine.basins.reconfigure(name, patch)));
}

export async function deleteBasin(context: Context, request: ApiRequest): Promise<Reply> {
  await context.engine.basins.delete(basinTarget(request, "delete-basin"));
  return { kind: "reply", status: 202 };
}
