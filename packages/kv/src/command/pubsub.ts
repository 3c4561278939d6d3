// PUBLISH: a message through the log. Subscribing is a matter of connections.
import { type CommandSpec, NO_KEYS } from "./spec.ts";

export const PUBSUB_COMMANDS: readonly CommandSpec[] = [
  {
    name: "publish",
    arity: 3,
    flags: ["write", "pubsub", "fast"],
    keys: NO_KEYS,
    run: ({ publish }, [, channel, message]) => publish(channel, message),
  },
];
