// Issuing, revoking and presenting access tokens. Histories know of streams alone, so none of this is recorded.
import type { Client, Reply } from "./client.ts";
import type { StreamRef } from "./operations.ts";

const CREATED = 201;
const NO_CONTENT = 204;

/** What the holder may do with one stream. */
export interface StreamRights {
  readonly read: boolean;
  readonly write: boolean;
}

/** What the holder presents; undefined when nobody has told it. `expiresAt`: RFC 3339. */
export async function issueToken(
  client: Client,
  id: string,
  { basin, name }: StreamRef,
  rights: StreamRights,
  expiresAt?: string,
): Promise<string | undefined> {
  const scope = { basins: { exact: basin }, streams: { exact: name }, op_groups: { stream: rights } };
  const expiry = expiresAt === undefined ? {} : { expires_at: expiresAt };
  const reply = await sendJson(client, "POST", "/v1/access-tokens", {}, { id, scope, ...expiry });
  if (typeof reply === "string" || reply.status !== CREATED) return undefined;
  const issued: unknown = JSON.parse(reply.body.toString());
  const bearer = (issued as { readonly access_token?: unknown }).access_token;
  if (typeof bearer !== "string") throw new Error("a token was issued, and not told");
  return bearer;
}

/** Whether it is revoked for sure. */
export async function revokeToken(client: Client, id: string): Promise<boolean> {
  const reply = await sendJson(client, "DELETE", `/v1/access-tokens/${id}`, {}, undefined);
  return typeof reply === "object" && reply.status === NO_CONTENT;
}

export function sendJson(
  client: Client,
  method: string,
  url: string,
  headers: Readonly<Record<string, string>>,
  json: object | undefined,
): Promise<Reply> {
  if (json === undefined) return client.send({ method, url, headers }, undefined);
  const body = Buffer.from(JSON.stringify(json));
  const head = { ...headers, "content-type": "application/json", "content-length": String(body.length) };
  return client.send({ method, url, headers: head }, body);
}
