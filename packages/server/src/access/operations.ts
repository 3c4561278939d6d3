// The operations of the API, by which access is permitted, and the groups that they come in. Sets of them are bits of a number.

export type OperationGroup = "account" | "basin" | "stream";

/** Grouped by what serves them: operations on basins and tokens are the account's, those on streams the basin's, those on records the stream's. */
const TABLE = [
  ["list-basins", "account", "read"],
  ["create-basin", "account", "write"],
  ["delete-basin", "account", "write"],
  ["reconfigure-basin", "account", "write"],
  ["get-basin-config", "account", "read"],
  ["issue-access-token", "account", "write"],
  ["revoke-access-token", "account", "write"],
  ["list-access-tokens", "account", "read"],
  ["list-streams", "basin", "read"],
  ["create-stream", "basin", "write"],
  ["delete-stream", "basin", "write"],
  ["get-stream-config", "basin", "read"],
  ["reconfigure-stream", "basin", "write"],
  ["check-tail", "stream", "read"],
  ["append", "stream", "write"],
  ["read", "stream", "read"],
  ["trim", "stream", "write"],
  ["fence", "stream", "write"],
  ["account-metrics", "account", "read"],
  ["basin-metrics", "basin", "read"],
  ["stream-metrics", "stream", "read"],
  ["list-locations", "account", "read"],
  ["get-default-location", "account", "read"],
  ["set-default-location", "account", "write"],
] as const;

export type Operation = (typeof TABLE)[number][0];

export const OPERATIONS: readonly Operation[] = TABLE.map(([name]) => name);

/** A set of operations: bit i is the i-th of OPERATIONS. */
export type OperationSet = number;

export const ALL_OPERATIONS: OperationSet = (1 << TABLE.length) - 1;

const BITS: ReadonlyMap<string, OperationSet> = new Map(OPERATIONS.map((name, i) => [name, 1 << i]));

export function bitOf(operation: Operation): OperationSet {
  return BITS.get(operation) ?? 0;
}

export function operationNamed(name: string): Operation | undefined {
  return OPERATIONS.find((each) => each === name);
}

export function operationsOfGroup(group: OperationGroup, access: "read" | "write"): OperationSet {
  let set = 0;
  TABLE.forEach(([, each, kind], i) => {
    if (each === group && kind === access) set |= 1 << i;
  });
  return set;
}

const CONTROL_PLANE_CHANGES: ReadonlySet<Operation> = new Set(
  TABLE.flatMap(([name, group, kind]) => (kind === "write" && group !== "stream" ? [name] : [])),
);

/** Whether it changes the control plane: what is audited. Appends, trims and fences are data. */
export function isControlPlaneChange(operation: Operation): boolean {
  return CONTROL_PLANE_CHANGES.has(operation);
}

const COUNTED: ReadonlyMap<Operation, OperationGroup> = new Map(
  TABLE.map(([name, group]) => [name, name.endsWith("-metrics") ? "account" : name === "check-tail" ? "basin" : group]),
);

/** Among whose operations one is counted. Those of streams are counted where they happen. */
export function countedWith(operation: Operation): OperationGroup {
  return COUNTED.get(operation) ?? "stream";
}
