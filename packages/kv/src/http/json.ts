// Keys and values in JSON: as text where they are UTF-8, else in base64 under a name of its own. Reads what it writes.
import { isUtf8 } from "node:buffer";
import { badRequest } from "./errors.ts";

/** `{"key": "…"}` or `{"key_base64": "…"}`. */
export function bytesFields<Name extends string>(name: Name, bytes: string): Record<string, string> {
  const buffer = Buffer.from(bytes, "latin1");
  return isUtf8(buffer) ? { [name]: buffer.toString("utf8") } : { [`${name}_base64`]: buffer.toString("base64") };
}

/** The binary string that `bytesFields` wrote; undefined if neither field is there. Throws `ApiError`. */
export function readBytes(name: string, fields: JsonObject): string | undefined {
  const text = fields[name];
  const base64 = fields[`${name}_base64`];
  if (text !== undefined && base64 !== undefined) throw badRequest(`${name} and ${name}_base64 exclude each other`);
  if (base64 !== undefined) {
    if (typeof base64 !== "string" || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4 !== 0) {
      throw badRequest(`${name}_base64 must be base64`);
    }
    return Buffer.from(base64, "base64").toString("latin1");
  }
  if (text === undefined) return undefined;
  if (typeof text !== "string" || !text.isWellFormed()) throw badRequest(`${name} must be text`);
  return Buffer.from(text, "utf8").toString("latin1");
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** An object with no fields but these. Throws `ApiError`. */
export function objectOf(value: unknown, what: string, fields: readonly string[]): JsonObject {
  if (!isObject(value)) throw badRequest(`${what} must be an object`);
  for (const name of Object.keys(value)) {
    if (!fields.includes(name)) throw badRequest(`${what} has no field ${JSON.stringify(name)}`);
  }
  return value;
}

/** Throws `ApiError`. */
export function parseJson(body: Buffer): unknown {
  if (!isUtf8(body)) throw badRequest("the body is no UTF-8");
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (error) {
    throw badRequest(`the body is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}
