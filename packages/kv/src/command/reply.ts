// What a command answers: a small closed union that both RESP2 and RESP3 can show. Owns the shapes; the writers are in `resp/`.
//
// The commonest replies are plain values, so that they cost nothing to make.

/**
 * - a binary string: a bulk string
 * - a number or bigint: an integer
 * - null: nothing (RESP2: the null bulk string)
 * - an array: an array
 */
export type Reply = string | number | bigint | null | readonly Reply[] | TaggedReply;

export type TaggedReply =
  /** Such as OK. */
  | { readonly kind: "status"; readonly text: string }
  /** With its code in front: `ERR syntax error`. */
  | { readonly kind: "error"; readonly text: string }
  /** RESP2: the null array; RESP3: null. */
  | { readonly kind: "null-array" }
  /** RESP2: a flat array. */
  | { readonly kind: "map"; readonly entries: readonly (readonly [Reply, Reply])[] }
  /** RESP2: an array. */
  | { readonly kind: "set"; readonly members: readonly Reply[] }
  /** RESP2: a flat array; RESP3: an array of arrays of two. Such as members with their scores. */
  | { readonly kind: "pairs"; readonly pairs: readonly (readonly [Reply, Reply])[] }
  /** RESP2: a bulk string. */
  | { readonly kind: "double"; readonly value: number }
  /** RESP2: 1 or 0. */
  | { readonly kind: "boolean"; readonly value: boolean }
  /** RESP2: a bulk string. */
  | { readonly kind: "verbatim"; readonly text: string }
  /** RESP2: an array. What was not asked for, such as a message of a channel. */
  | { readonly kind: "push"; readonly items: readonly Reply[] };

export const OK: Reply = { kind: "status", text: "OK" };
export const QUEUED: Reply = { kind: "status", text: "QUEUED" };
export const NULL_ARRAY: Reply = { kind: "null-array" };

export function status(text: string): Reply {
  return { kind: "status", text };
}

export function error(text: string): Reply {
  return { kind: "error", text };
}

export function isError(reply: Reply): reply is Extract<TaggedReply, { kind: "error" }> {
  return typeof reply === "object" && reply !== null && "kind" in reply && reply.kind === "error";
}

export function double(value: number): Reply {
  return { kind: "double", value };
}

export function map(entries: readonly (readonly [Reply, Reply])[]): Reply {
  return { kind: "map", entries };
}

export function set(members: readonly Reply[]): Reply {
  return { kind: "set", members };
}

export function pairs(items: readonly (readonly [Reply, Reply])[]): Reply {
  return { kind: "pairs", pairs: items };
}
