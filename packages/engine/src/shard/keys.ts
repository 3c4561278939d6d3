// Every key of every object, and nothing else (docs/format.md).
// Numbers are zero-padded so that the order of bytes is the order of numbers.
import type { Route } from "../object-store/index.ts";

/** Wide enough for 2^53 − 1. */
const DIGITS = 16;

export const DEPLOYMENT_KEY = "deployment.json";

export function walPrefix(shard: number): string {
  return `shards/${shard}/wal/`;
}

export function walKey(shard: number, place: number): string {
  return walPrefix(shard) + String(place).padStart(DIGITS, "0");
}

/** Which keys are those of logs, and what stands before them where logs have a store of their own. */
export function logRoute(logId: string): Route {
  return {
    base: `logs/${logId}/`,
    has: (key) => /^shards\/[0-9]+\/wal\//.test(key),
    mayHave: (prefix) => {
      const [root, shard, area, ...rest] = prefix.split("/");
      if (shard === undefined) return "shards".startsWith(root);
      if (root !== "shards" || !/^[0-9]*$/.test(shard)) return false;
      if (area === undefined) return true;
      return rest.length === 0 ? "wal".startsWith(area) : area === "wal";
    },
  };
}

/** Says whose log stands below it, in the store that has the log. */
export function logIdentityKey(logId: string): string {
  return `logs/${logId}/log.json`;
}

export function manifestPrefix(shard: number): string {
  return `shards/${shard}/manifest/`;
}

export function manifestKey(shard: number, version: number): string {
  return manifestPrefix(shard) + String(version).padStart(DIGITS, "0");
}

export function segmentPrefix(shard: number): string {
  return `shards/${shard}/segments/`;
}

/** A segment never changes, and its key is never used again. */
export function isSegmentKey(key: string): boolean {
  return epochOfSegmentKey(key) !== undefined && /^shards\/[0-9]+\/segments\//.test(key);
}

/** `incarnation` is hexadecimal. */
export function segmentKey(shard: number, epoch: number, incarnation: string, number: number): string {
  return `${segmentPrefix(shard)}${String(epoch).padStart(DIGITS, "0")}-${incarnation}-${String(number).padStart(DIGITS, "0")}`;
}

/** The epoch under which a segment was written, by its key; undefined for a key that is not one. */
export function epochOfSegmentKey(key: string): number | undefined {
  const name = key.slice(key.lastIndexOf("/") + 1);
  return /^[0-9]{16}-[0-9a-f]{32}-[0-9]{16}$/.test(name) ? Number(name.slice(0, DIGITS)) : undefined;
}

/** The place or version that a key of ours ends in; undefined when it is not one. */
export function numberOfKey(key: string): number | undefined {
  const digits = key.slice(key.lastIndexOf("/") + 1);
  if (digits.length !== DIGITS || !/^[0-9]+$/.test(digits)) return undefined;
  return Number(digits);
}
