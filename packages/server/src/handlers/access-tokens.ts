// Access tokens: issue, list, revoke (API: access tokens). Nobody issues beyond what is permitted to themselves.
import type { AccessToken } from "@tailrace/engine";
import { denied } from "../access/access.ts";
import {
  intoNamespace,
  isScopeWithin,
  outOfNamespace,
  parseScope,
  permittedOperations,
  scopeJson,
} from "../access/scope.ts";
import { newSecret } from "../access/secret.ts";
import { listWithin } from "../access/targets.ts";
import { type ApiRequest, jsonReply, type Reply } from "../api-request.ts";
import type { Context } from "../context.ts";
import { ApiError } from "../errors.ts";
import { boolean, object, parseJson, string, wrong } from "../json-shape.ts";
import { requireJson } from "../media.ts";
import { checkTokenId, tokenOfPath } from "../names.ts";
import { parseTime, timeJson } from "../time-json.ts";

export async function issueAccessToken(context: Context, request: ApiRequest): Promise<Reply> {
  const { access } = request;
  access.require("issue-access-token");
  requireJson(request);
  const json = object(parseJson(await request.readBody()), "body");
  const id = checkTokenId(string(json.id, "id"), "invalid");
  request.resource = id;
  access.requireAccessToken(id);
  const asked = parseScope(json.scope);
  if (permittedOperations(asked) === 0) throw new ApiError("invalid", "Access token permissions cannot be empty");
  const autoPrefixStreams =
    json.auto_prefix_streams === undefined || json.auto_prefix_streams === null
      ? false
      : boolean(json.auto_prefix_streams, "auto_prefix_streams");
  const { streams } = asked;
  if (autoPrefixStreams && streams.kind !== "prefix") {
    throw new ApiError("invalid", "Auto prefixing is only allowed for streams with prefix matching");
  }
  const scope = { ...asked, streams: intoNamespace(streams, access.namespace) };
  if (!isScopeWithin(scope, access.scope)) throw denied("to issue one that permits more than itself");
  const issuedAtMs = context.runtime.clock.wallMs();
  const { bearer, key, secretHash } = newSecret(context.runtime.random);
  const token: AccessToken = {
    id,
    key,
    secretHash,
    issuedAtMs,
    expiresAtMs: expiry(json.expires_at, access.expiresAtMs, issuedAtMs),
    scope,
    autoPrefixStreams,
    // Whoever lives in a namespace issues into it.
    streamNamespace: autoPrefixStreams && scope.streams.kind === "prefix" ? scope.streams.prefix : access.namespace,
  };
  await context.engine.accessTokens.issue(token, access.key);
  return jsonReply(201, { access_token: bearer });
}

/** Null: never. */
function expiry(value: unknown, issuers: number | null, nowMs: number): number | null {
  if (value === undefined || value === null) return issuers;
  const ms = parseTime(string(value, "expires_at"));
  if (ms === undefined) throw wrong("expires_at", "a time such as 2030-01-31T12:00:00Z");
  if (ms <= nowMs) throw new ApiError("invalid", "expires_at has passed");
  if (issuers !== null && ms > issuers) throw denied("to issue one that expires after itself");
  return ms;
}

export async function listAccessTokens(context: Context, request: ApiRequest): Promise<Reply> {
  const { access } = request;
  access.require("list-access-tokens");
  const page = await context.engine.accessTokens.list(listWithin(request, access.scope.accessTokens));
  return jsonReply(200, {
    access_tokens: page.items.map((token) => tokenJson(token, access.namespace)),
    has_more: page.hasMore,
  });
}

function tokenJson(token: AccessToken, namespace: string): object {
  return {
    id: token.id,
    expires_at: token.expiresAtMs === null ? null : timeJson(token.expiresAtMs),
    auto_prefix_streams: token.autoPrefixStreams,
    scope: scopeJson({ ...token.scope, streams: outOfNamespace(token.scope.streams, namespace) }),
  };
}

export async function revokeAccessToken(context: Context, request: ApiRequest): Promise<Reply> {
  request.access.require("revoke-access-token");
  const id = tokenOfPath(request);
  request.resource = id;
  request.access.requireAccessToken(id);
  await context.engine.accessTokens.revoke(id);
  return { kind: "reply", status: 204 };
}
