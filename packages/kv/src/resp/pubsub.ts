// SUBSCRIBE and its family: who listens to what. Messages come out of the log, see `store/pubsub.ts`.
import { CommandError, wrongArity } from "../command/errors.ts";
import { glob } from "../command/glob.ts";
import { MAX_PATTERN_BYTES } from "../command/limits.ts";
import type { Reply } from "../command/reply.ts";
import type { Arguments } from "../command/spec.ts";
import type { Subscriber } from "../store/pubsub.ts";
import type { Store } from "../store/store.ts";
import { type LocalCommand, type LocalContext, Several } from "./context.ts";
import { MAX_SUBSCRIPTIONS } from "./limits.ts";
import type { Session } from "./session.ts";

export function pushedMessage(channel: string, message: string, pattern: string | undefined): Reply {
  const items = pattern === undefined ? ["message", channel, message] : ["pmessage", pattern, channel, message];
  return { kind: "push", items };
}

/** Nothing comes to the subscriber any more. */
export function dropSubscriptions(session: Session, store: Store, subscriber: Subscriber): void {
  for (const channel of session.channels) store.pubsub.unsubscribe(channel, subscriber);
  for (const pattern of session.patterns) store.pubsub.unsubscribePattern(pattern, subscriber);
  session.channels.clear();
  session.patterns.clear();
}

function subscribe(patterns: boolean) {
  return ({ session, store, subscriber }: LocalContext, [name, ...channels]: Arguments): Several => {
    const own = patterns ? session.patterns : session.channels;
    if (session.subscriptions + channels.length > MAX_SUBSCRIPTIONS)
      throw new CommandError("ERR too many subscriptions");
    if (patterns && channels.some((pattern) => pattern.length > MAX_PATTERN_BYTES))
      throw new CommandError(`ERR pattern is too long: up to ${MAX_PATTERN_BYTES} bytes are allowed`);
    const replies = channels.map((channel): Reply => {
      own.add(channel);
      if (patterns) store.pubsub.subscribePattern(channel, subscriber);
      else store.pubsub.subscribe(channel, subscriber);
      return { kind: "push", items: [name.toLowerCase(), channel, session.subscriptions] };
    });
    return new Several(replies);
  };
}

function unsubscribe(patterns: boolean) {
  return ({ session, store, subscriber }: LocalContext, [name, ...given]: Arguments): Several => {
    const own = patterns ? session.patterns : session.channels;
    const channels = given.length > 0 ? given : [...own];
    const replies = channels.map((channel): Reply => {
      own.delete(channel);
      if (patterns) store.pubsub.unsubscribePattern(channel, subscriber);
      else store.pubsub.unsubscribe(channel, subscriber);
      return { kind: "push", items: [name.toLowerCase(), channel, session.subscriptions] };
    });
    const none: Reply = { kind: "push", items: [name.toLowerCase(), null, session.subscriptions] };
    return new Several(replies.length > 0 ? replies : [none]);
  };
}

/** Of this replica: others have subscribers of their own. */
function pubsub({ store }: LocalContext, args: Arguments): Reply {
  const subcommand = args[1].toLowerCase();
  switch (subcommand) {
    case "channels":
      if (args.length > 3) throw wrongArity("pubsub|channels");
      return store.pubsub.channels().filter(glob(args[2] ?? "*"));
    case "numsub": {
      const channels = args.slice(2).map((channel) => [channel, store.pubsub.subscribersOf(channel)] as const);
      return channels.flat();
    }
    case "numpat":
      return store.pubsub.patterns;
    default:
      throw new CommandError(`ERR unknown subcommand '${args[1].slice(0, 128)}'. Try PUBSUB HELP.`);
  }
}

export const PUBSUB_COMMANDS: readonly LocalCommand[] = [
  { name: "subscribe", arity: -2, outsideMulti: true, run: subscribe(false) },
  { name: "unsubscribe", arity: -1, outsideMulti: true, run: unsubscribe(false) },
  { name: "psubscribe", arity: -2, outsideMulti: true, run: subscribe(true) },
  { name: "punsubscribe", arity: -1, outsideMulti: true, run: unsubscribe(true) },
  { name: "pubsub", arity: -2, run: pubsub },
];
