// Is there an order of all operations on one key, each at a moment between its call and its return, in which every answer is
// right? Knows what a key does, and nothing of replicas. Searches all orders, with what was met before remembered.

/** What a client did to one key, and what it was told. */
export type KeyOperation =
  | { readonly kind: "set"; readonly value: string }
  | { readonly kind: "get"; readonly result: string | null }
  /** Of a key that holds a number, or nothing. */
  | { readonly kind: "incr"; readonly result: number | undefined }
  | { readonly kind: "del"; readonly result: number | undefined }
  /** The time of some values is over: if it is one of them, it goes. */
  | { readonly kind: "expire"; readonly ends: (value: string) => boolean };

export interface Call {
  readonly operation: KeyOperation;
  readonly startMs: number;
  /** Infinity: nobody was told how it ended, and it may never have happened. */
  readonly endMs: number;
}

type Value = string | null;

/** The value behind it; undefined where the answer would not have been right. */
function step(value: Value, operation: KeyOperation): { readonly value: Value } | undefined {
  switch (operation.kind) {
    case "set":
      return { value: operation.value };
    case "get":
      return operation.result === value ? { value } : undefined;
    case "incr": {
      const next = Number(value ?? "0") + 1;
      return operation.result === undefined || operation.result === next ? { value: String(next) } : undefined;
    }
    case "del": {
      const removed = value === null ? 0 : 1;
      return operation.result === undefined || operation.result === removed ? { value: null } : undefined;
    }
    case "expire":
      return { value: value === null || operation.ends(value) ? null : value };
  }
}

/** Whether the history of one key, absent at first, is linearizable. */
export function isLinearizable(calls: readonly Call[]): boolean {
  const sorted = [...calls].sort((a, b) => a.startMs - b.startMs);
  const seen = new Set<string>();

  /** `done`: of `sorted`, the first so many are done, and these behind them. */
  const search = (from: number, done: ReadonlySet<number>, value: Value): boolean => {
    let first = from;
    const left = new Set(done);
    while (left.has(first)) left.delete(first++);
    const state = `${first}|${[...left].sort((a, b) => a - b).join()}|${value}`;
    if (seen.has(state)) return false;
    seen.add(state);
    // What returned first of all that is not done must come before whatever was called after that.
    let latestMs = Number.POSITIVE_INFINITY;
    for (let i = first; i < sorted.length && sorted[i].startMs <= latestMs; i += 1) {
      if (!left.has(i)) latestMs = Math.min(latestMs, sorted[i].endMs);
    }
    if (latestMs === Number.POSITIVE_INFINITY) return true;
    for (let i = first; i < sorted.length && sorted[i].startMs <= latestMs; i += 1) {
      if (left.has(i)) continue;
      const next = step(value, sorted[i].operation);
      if (next !== undefined && search(first, new Set(left).add(i), next.value)) return true;
    }
    return false;
  };
  return search(0, new Set(), null);
}
