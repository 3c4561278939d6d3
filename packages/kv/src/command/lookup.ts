// A key's value as the type that a command works on, or the refusal that Redis gives.
import type { Collection, Value } from "../state/value.ts";
import { wrongType } from "./errors.ts";
import type { CommandContext } from "./spec.ts";

/** The string at the key; undefined if it is not there. Throws WRONGTYPE. */
export function stringAt({ keyspace }: CommandContext, key: string): string | undefined {
  const value = keyspace.get(key)?.value;
  if (value === undefined || typeof value === "string") return value;
  throw wrongType();
}

/** The collection of that class at the key, to be read only; undefined if it is not there. Throws WRONGTYPE. */
export function collectionAt<C extends Collection>(
  { keyspace }: CommandContext,
  key: string,
  type: new () => C,
): C | undefined {
  const value: Value | undefined = keyspace.get(key)?.value;
  if (value === undefined || value instanceof type) return value;
  throw wrongType();
}
