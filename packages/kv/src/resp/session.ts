// What a connection is at the moment: who it is, how it speaks, what it has begun. Owns the state alone.
import type { Arguments } from "../command/spec.ts";
import type { LocalCommand } from "./context.ts";
import type { Protocol } from "./writer.ts";

export interface QueuedCommand {
  readonly args: Arguments;
  /** It concerns the connection alone. */
  readonly local?: LocalCommand;
}

/** Commands between MULTI and EXEC. */
export interface Queued {
  readonly commands: QueuedCommand[];
  bytes: number;
  /** One of them was refused: EXEC will refuse them all. */
  broken: boolean;
}

export class Session {
  readonly id: number;
  /** `HOST:PORT`. */
  readonly address: string;
  readonly localAddress: string;
  readonly createdMs: number;
  /** Of its last command. */
  activeMs: number;
  protocol: Protocol = 2;
  name = "";
  library = { name: "", version: "" };
  authenticated: boolean;
  /** READONLY: reads are answered with what this replica has, and wait for nothing. */
  eventual = false;
  queued: Queued | undefined;
  /** Keys of WATCH, with their revisions. */
  readonly watched = new Map<string, number>();
  readonly channels = new Set<string>();
  readonly patterns = new Set<string>();
  lastCommand = "";

  constructor(id: number, address: string, localAddress: string, authenticated: boolean, nowMs: number) {
    this.id = id;
    this.address = address;
    this.localAddress = localAddress;
    this.authenticated = authenticated;
    this.createdMs = nowMs;
    this.activeMs = nowMs;
  }

  get subscriptions(): number {
    return this.channels.size + this.patterns.size;
  }

  /** In RESP2, a connection that listens can do little else. */
  get listensOnly(): boolean {
    return this.protocol === 2 && this.subscriptions > 0;
  }
}
