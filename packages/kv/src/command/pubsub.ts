// PUBLISH: a message through the log. Subscribing is a matter of connections.
import { CommandError } from "./errors.ts";
import { MAX_CHANNEL_BYTES } from "./limits.ts";
import { type CommandSpec, NO_KEYS } from "./spec.ts";

export const PUBSUB_COMMANDS: readonly CommandSpec[] = [
  {
    name: "publish",
    arity: 3,
    flags: ["write", "pubsub", "fast"],
    keys: NO_KEYS,
    run: ({ publish }, [, channel, message]) => {
      if (channel.length > MAX_CHANNEL_BYTES)
        throw new CommandError(`ERR channel is too long: up to ${MAX_CHANNEL_BYTES} bytes are allowed`);
      return publish(channel, message);
    },
  },
];
