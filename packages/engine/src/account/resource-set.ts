// A set of names, by one name or by a prefix: what scopes of access tokens are made of. Pure.

export type ResourceSet =
  | { readonly kind: "none" }
  | { readonly kind: "exact"; readonly name: string }
  /** All names that begin with it; the empty prefix is all names. */
  | { readonly kind: "prefix"; readonly prefix: string };

export const NO_RESOURCES: ResourceSet = { kind: "none" };
export const ALL_RESOURCES: ResourceSet = { kind: "prefix", prefix: "" };

export function admits(set: ResourceSet, name: string): boolean {
  switch (set.kind) {
    case "none":
      return false;
    case "exact":
      return set.name === name;
    case "prefix":
      return name.startsWith(set.prefix);
  }
}

/** Whether everything that `inner` admits is admitted by `outer`. */
export function isWithin(inner: ResourceSet, outer: ResourceSet): boolean {
  switch (inner.kind) {
    case "none":
      return true;
    case "exact":
      return admits(outer, inner.name);
    case "prefix":
      return outer.kind === "prefix" && inner.prefix.startsWith(outer.prefix);
  }
}

/** The names of `set` that begin with `prefix`. */
export function narrowed(set: ResourceSet, prefix: string): ResourceSet {
  switch (set.kind) {
    case "none":
      return set;
    case "exact":
      return set.name.startsWith(prefix) ? set : NO_RESOURCES;
    case "prefix":
      if (prefix.startsWith(set.prefix)) return { kind: "prefix", prefix };
      return set.prefix.startsWith(prefix) ? set : NO_RESOURCES;
  }
}
