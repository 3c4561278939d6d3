// What a key holds. Owns the closed union of types, and what each of them must be able to do; knows no commands.
//
// All bytes are binary strings: JavaScript strings in which each character is one byte (Latin-1). They never change, are small,
// compare and hash by content, and pin no network buffer.

/** As TYPE answers. */
export type TypeName = "string" | "hash" | "list" | "set" | "zset";

/**
 * A value of several elements. Changed in place, and only inside `Keyspace.change`, which copies it first if a snapshot still
 * shows it. An empty one is never kept.
 */
export interface Collection {
  readonly type: Exclude<TypeName, "string">;
  /** Elements. */
  readonly size: number;
  /** What it takes in memory, estimated: the same in every replica with the same contents, kept up to date by each change. */
  readonly bytes: number;
  /**
   * Of the contents, as an unsigned 32-bit integer kept up to date by each change: others differ, nearly always. Part of the
   * digest that finds replicas that have diverged (`fingerprint.ts`).
   */
  readonly sum: number;
  /** Another one with the same contents, in the same order, of which changes do not show in this one. */
  clone(): Collection;
  /** Each element as the strings that `load` takes, in order. For snapshots: taken while nothing changes this one. */
  elements(): Iterable<readonly string[]>;
  /** Adds an element that `elements` gave, behind those already loaded. Throws where it cannot be one. */
  load(element: readonly string[]): void;
}

/** A binary string, or a collection. */
export type Value = string | Collection;

export function typeOf(value: Value): TypeName {
  return typeof value === "string" ? "string" : value.type;
}
