// Channels and who listens to them at this replica. Messages come out of the log, so every subscriber of the fleet gets the same
// ones in the same order. Must not hold anything up: a subscriber takes what it is given at once.
import { type Glob, keptGlob } from "../command/glob.ts";

export interface Subscriber {
  /** `pattern`: what it had subscribed to, if that was a pattern. Must not throw. */
  message(channel: string, message: string, pattern: string | undefined): void;
}

interface Pattern {
  readonly matches: Glob;
  readonly subscribers: Set<Subscriber>;
}

export class PubSub {
  readonly #channels = new Map<string, Set<Subscriber>>();
  readonly #patterns = new Map<string, Pattern>();

  /** How many got it: who is there by channel and by pattern counts twice. */
  publish(channel: string, message: string): number {
    let receivers = 0;
    for (const subscriber of this.#channels.get(channel) ?? []) {
      receivers += 1;
      subscriber.message(channel, message, undefined);
    }
    for (const [pattern, { matches, subscribers }] of this.#patterns) {
      if (!matches(channel)) continue;
      for (const subscriber of subscribers) {
        receivers += 1;
        subscriber.message(channel, message, pattern);
      }
    }
    return receivers;
  }

  subscribe(channel: string, subscriber: Subscriber): void {
    const subscribers = this.#channels.get(channel) ?? new Set();
    this.#channels.set(channel, subscribers.add(subscriber));
  }

  unsubscribe(channel: string, subscriber: Subscriber): void {
    const subscribers = this.#channels.get(channel);
    subscribers?.delete(subscriber);
    if (subscribers?.size === 0) this.#channels.delete(channel);
  }

  /** The pattern is of `MAX_PATTERN_BYTES` at most. */
  subscribePattern(pattern: string, subscriber: Subscriber): void {
    const known = this.#patterns.get(pattern) ?? { matches: keptGlob(pattern), subscribers: new Set() };
    known.subscribers.add(subscriber);
    this.#patterns.set(pattern, known);
  }

  unsubscribePattern(pattern: string, subscriber: Subscriber): void {
    const known = this.#patterns.get(pattern);
    known?.subscribers.delete(subscriber);
    if (known?.subscribers.size === 0) this.#patterns.delete(pattern);
  }

  /** Channels that somebody here listens to by name. */
  channels(): readonly string[] {
    return [...this.#channels.keys()];
  }

  subscribersOf(channel: string): number {
    return this.#channels.get(channel)?.size ?? 0;
  }

  /** Patterns that somebody here listens to. */
  get patterns(): number {
    return this.#patterns.size;
  }
}
