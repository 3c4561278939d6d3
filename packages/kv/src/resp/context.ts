// What all connections of a port share, and what a command of the connection may do with it.

import type { Reply } from "../command/reply.ts";
import type { Arguments } from "../command/spec.ts";
import type { Subscriber } from "../store/pubsub.ts";
import type { Store } from "../store/store.ts";
import type { Session } from "./session.ts";
import type { Stats } from "./stats.ts";

/** Whose commands and replies these are, for clients that ask. */
export const REDIS_VERSION = "7.0.15";

export interface RespOptions {
  /** Undefined until the replica has caught up. */
  readonly store: () => Store | undefined;
  /** What clients must give to AUTH; undefined: nobody is asked. */
  readonly password?: string | undefined;
  readonly maxClients?: number;
  /** What INFO says of the process beside the store. */
  readonly version: string;
  readonly log: RespLogger;
}

export interface RespLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A connection as others see it. */
export interface Client {
  readonly session: Session;
  /** Ends it once what it was answered has gone out. */
  end(): void;
  /** Ends its wait of a blocking command, if it is in one. Whether it was. */
  unblock(withError: boolean): boolean;
}

export interface Shared {
  readonly options: RespOptions;
  readonly maxClients: number;
  readonly port: number;
  readonly clients: ReadonlyMap<number, Client>;
  readonly stats: Stats;
  /** By name in lower case. */
  readonly localCommands: ReadonlyMap<string, LocalCommand>;
}

/** Several replies to one command. */
export class Several {
  readonly replies: readonly Reply[];

  constructor(replies: readonly Reply[]) {
    this.replies = replies;
  }
}

export interface LocalContext {
  readonly session: Session;
  readonly shared: Shared;
  readonly store: Store;
  readonly client: Client;
  readonly subscriber: Subscriber;
}

/** A command of the connection or the server: it never goes into the log by itself. */
export interface LocalCommand {
  /** In lower case. */
  readonly name: string;
  /** As Redis counts. */
  readonly arity: number;
  /** May be sent before AUTH. */
  readonly open?: boolean;
  /** Does without a store that has caught up. */
  readonly early?: boolean;
  /** Refused between MULTI and EXEC. */
  readonly outsideMulti?: boolean;
  /** Done at once also between MULTI and EXEC, where others are queued. */
  readonly control?: boolean;
  /** A promise holds up what the client sent behind it. May throw `CommandError`. */
  run(context: LocalContext, args: Arguments): Reply | Several | Promise<Reply>;
}
