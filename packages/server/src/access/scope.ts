// The scope of an access token: between JSON and the engine's form, what it comes down to, and whether one lies within another. Pure.
import { type AccessTokenScope, isWithin, NO_RESOURCES, type ReadWrite, type ResourceSet } from "@tailrace/engine";
import { ApiError, type ErrorCode } from "../errors.ts";
import { boolean, object, string, wrong } from "../json-shape.ts";
import { checkBasinName, checkStreamName, checkTokenId } from "../names.ts";
import {
  bitOf,
  OPERATIONS,
  type Operation,
  type OperationGroup,
  type OperationSet,
  operationNamed,
  operationsOfGroup,
} from "./operations.ts";

const GROUPS: readonly OperationGroup[] = ["account", "basin", "stream"];
const MAX_PREFIX_BYTES = 512;

/** Errors: `bad_json`, `invalid`. */
export function parseScope(value: unknown): AccessTokenScope {
  const json = object(value, "scope");
  return {
    basins: resourceSet(json.basins, "scope.basins", checkBasinName),
    streams: resourceSet(json.streams, "scope.streams", checkStreamName),
    accessTokens: resourceSet(json.access_tokens, "scope.access_tokens", checkTokenId),
    opGroups: opGroups(json.op_groups),
    ops: operations(json.ops),
  };
}

function resourceSet(value: unknown, path: string, checkName: (name: string, code: ErrorCode) => string): ResourceSet {
  if (value === undefined || value === null) return NO_RESOURCES;
  const json = object(value, path);
  const [key, ...others] = Object.keys(json);
  if (others.length > 0 || (key !== "exact" && key !== "prefix")) {
    throw wrong(path, 'either {"exact": name} or {"prefix": prefix}');
  }
  const name = string(json[key], `${path}.${key}`);
  if (key === "exact") return name === "" ? NO_RESOURCES : { kind: "exact", name: checkName(name, "invalid") };
  if (name.includes("\0") || Buffer.byteLength(name) > MAX_PREFIX_BYTES) {
    throw new ApiError("invalid", `"${path}.prefix" begins no name`);
  }
  return { kind: "prefix", prefix: name };
}

function opGroups(value: unknown): AccessTokenScope["opGroups"] {
  const json = value === undefined || value === null ? {} : object(value, "scope.op_groups");
  const group = (name: OperationGroup): ReadWrite => {
    const path = `scope.op_groups.${name}`;
    const given = json[name] === undefined || json[name] === null ? {} : object(json[name], path);
    const flag = (field: "read" | "write") =>
      given[field] === undefined || given[field] === null ? false : boolean(given[field], `${path}.${field}`);
    return { read: flag("read"), write: flag("write") };
  };
  return { account: group("account"), basin: group("basin"), stream: group("stream") };
}

function operations(value: unknown): Operation[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw wrong("scope.ops", "a list of operations");
  const given = new Set(
    value.map((each) => {
      const operation = operationNamed(string(each, "scope.ops"));
      if (operation === undefined) throw wrong("scope.ops", `a list of operations (${OPERATIONS.join(", ")})`);
      return operation;
    }),
  );
  return OPERATIONS.filter((operation) => given.has(operation));
}

/** The API's JSON, every field written out. */
export function scopeJson(scope: AccessTokenScope): object {
  return {
    basins: resourceSetJson(scope.basins),
    streams: resourceSetJson(scope.streams),
    access_tokens: resourceSetJson(scope.accessTokens),
    op_groups: scope.opGroups,
    ops: scope.ops,
  };
}

function resourceSetJson(set: ResourceSet): object | null {
  switch (set.kind) {
    case "none":
      return null;
    case "exact":
      return { exact: set.name };
    case "prefix":
      return { prefix: set.prefix };
  }
}

/** What a scope permits in all: its groups and its single operations. */
export function permittedOperations(scope: AccessTokenScope): OperationSet {
  let set = 0;
  for (const group of GROUPS) {
    if (scope.opGroups[group].read) set |= operationsOfGroup(group, "read");
    if (scope.opGroups[group].write) set |= operationsOfGroup(group, "write");
  }
  for (const name of scope.ops) {
    // Kept by another build that knows more operations than this one: it permits nothing here.
    const operation = operationNamed(name);
    if (operation !== undefined) set |= bitOf(operation);
  }
  return set;
}

/**
 * Whether `inner` permits nothing that `outer` does not. A group lies only within the same group: it grows with the API, as a list of
 * single operations does not.
 */
export function isScopeWithin(inner: AccessTokenScope, outer: AccessTokenScope): boolean {
  if ((permittedOperations(inner) & ~permittedOperations(outer)) !== 0) return false;
  for (const group of GROUPS) {
    if (inner.opGroups[group].read && !outer.opGroups[group].read) return false;
    if (inner.opGroups[group].write && !outer.opGroups[group].write) return false;
  }
  return (
    isWithin(inner.basins, outer.basins) &&
    isWithin(inner.streams, outer.streams) &&
    isWithin(inner.accessTokens, outer.accessTokens)
  );
}

/** Stream names as the holder of a namespace says them, made whole. */
export function intoNamespace(set: ResourceSet, namespace: string): ResourceSet {
  switch (set.kind) {
    case "none":
      return set;
    case "exact":
      return { kind: "exact", name: namespace + set.name };
    case "prefix":
      return { kind: "prefix", prefix: namespace + set.prefix };
  }
}

/** And back, for those that lie within it. */
export function outOfNamespace(set: ResourceSet, namespace: string): ResourceSet {
  switch (set.kind) {
    case "none":
      return set;
    case "exact":
      return set.name.startsWith(namespace) ? { kind: "exact", name: set.name.slice(namespace.length) } : set;
    case "prefix":
      return set.prefix.startsWith(namespace) ? { kind: "prefix", prefix: set.prefix.slice(namespace.length) } : set;
  }
}
