// Taking a parsed JSON value apart. A value of another type than the API says is `bad_json`, with the path to it.
import { ApiError } from "./errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    // SyntaxError: not JSON. TypeError: not UTF-8. RangeError: nested beyond what the parser takes.
    throw new ApiError(
      "bad_json",
      `the body is not JSON: ${error instanceof Error ? error.message.slice(0, 200) : "it does not parse"}`,
    );
  }
}

export function object(value: unknown, path: string): JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(path, "an object");
  // Checked just above.
  return value as JsonObject;
}

/** Half of a surrogate pair is no text: two of them would become another name once they are put together. */
export function string(value: unknown, path: string): string {
  if (typeof value !== "string") throw wrong(path, "a string");
  if (!value.isWellFormed()) throw wrong(path, "Unicode text");
  return value;
}

export function boolean(value: unknown, path: string): boolean {
  if (typeof value !== "boolean") throw wrong(path, "true or false");
  return value;
}

/** An unsigned integer. What a double cannot hold exactly is `invalid`: it could not be answered as it was given. */
export function unsigned(value: unknown, path: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) throw wrong(path, "an unsigned integer");
  if (!Number.isSafeInteger(value)) throw new ApiError("invalid", `"${path}" must be below 2^53`);
  return value;
}

export function wrong(path: string, expected: string): ApiError {
  return new ApiError("bad_json", `"${path}" must be ${expected}`);
}
