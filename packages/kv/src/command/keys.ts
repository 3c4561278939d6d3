// Commands on keys, whatever they hold: removing, finding, renaming, copying, and when they expire.
import { ALL_KEYS, type CommandSpec } from "./spec.ts";

export const KEY_COMMANDS: readonly CommandSpec[] = [
  {
    name: "del",
    arity: -2,
    flags: ["write"],
    keys: ALL_KEYS,
    run: ({ keyspace }, [, ...keys]) => keys.filter((key) => keyspace.remove(key)).length,
  },
];
