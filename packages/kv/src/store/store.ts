// The key-value store as a process has it: one replica, and what its clients share. Writes go through the log, reads wait for
// it as they ask; nothing here knows a protocol.
import {
  type Consistency,
  type Log,
  Replica,
  type ReplicaOptions,
  type ReplicaRuntime,
  type StoppedError,
  systemRuntime,
} from "@tailrace/replica";
import { OUT_OF_MEMORY } from "../command/errors.ts";
import { error, type Reply } from "../command/reply.ts";
import type { Arguments, CommandSpec } from "../command/spec.ts";
import { Steps } from "../command/steps.ts";
import { anyCommandNamed, hasFlag, keyPositions, refusalOf, runCommand } from "../command/table.ts";
import type { Batch, Unit } from "../machine/batch.ts";
import { kvMachine, type UnitResult } from "../machine/kv-machine.ts";
import { Keyspace } from "../state/keyspace.ts";
import { Blocking } from "./blocking.ts";
import { Changes } from "./changes.ts";
import { History } from "./history.ts";
import { KeyOrder } from "./key-order.ts";
import { PubSub } from "./pubsub.ts";
import { type Query, Reads } from "./reads.ts";
import { Writes } from "./writes.ts";

export interface StoreOptions
  extends Pick<
    ReplicaOptions,
    | "proposalTimeoutMs"
    | "readTimeoutMs"
    | "openTimeoutMs"
    | "maxPending"
    | "maxPendingBytes"
    | "digestEveryRecords"
    | "onProblem"
  > {
  readonly log: Log;
  /** Without them the log is read from its beginning at every start. */
  readonly snapshots?: NonNullable<ReplicaOptions["snapshots"]>;
  /** The keyspace may take so many bytes, estimated; beyond it, commands that take memory are refused. 0: any number. */
  readonly maxBytes?: number;
  /** The newest changes are remembered in so many bytes, estimated: for `history`. 0, the default: none are. */
  readonly historyBytes?: number;
  readonly runtime?: ReplicaRuntime;
  /** Milliseconds since the epoch. Decides nothing: tells when to ask the log for the time. */
  readonly wallMs?: () => number;
}

/** A transaction as a caller gives it. */
export interface Transaction {
  readonly commands: readonly Arguments[];
  readonly watches?: Unit["watches"];
}

export class Store {
  readonly changes = new Changes();
  readonly pubsub = new PubSub();
  readonly history: History;
  readonly order: KeyOrder;
  readonly blocking: Blocking;
  readonly maxBytes: number;
  readonly #runtime: ReplicaRuntime;
  readonly #wallMs: () => number;
  readonly #writes: Writes;
  readonly #reads: Reads;
  readonly #replica: Promise<Replica<Keyspace, Batch, readonly UnitResult[]>>;
  #opened: Replica<Keyspace, Batch, readonly UnitResult[]> | undefined;
  #keyspace = new Keyspace();
  #end: StoppedError | undefined;

  /** Resolves once it has everything that was in the log. Rejects as `Replica.open` does. */
  static async open(options: StoreOptions): Promise<Store> {
    const store = new Store(options);
    store.#opened = await store.#replica;
    void store.stopped.then((end) => {
      store.#end = end;
    });
    return store;
  }

  private constructor(options: StoreOptions) {
    const { runtime = systemRuntime, wallMs = Date.now, maxBytes = 0, historyBytes = 0, ...rest } = options;
    this.#runtime = runtime;
    this.#wallMs = wallMs;
    this.maxBytes = maxBytes;
    const immediate = (callback: () => void): void => runtime.immediate(callback);
    this.history = new History(historyBytes);
    this.order = new KeyOrder(immediate);
    const machine = kvMachine({
      began: (keyspace) => {
        this.#keyspace = keyspace;
        this.changes.cleared();
        this.history.began(keyspace);
        this.order.began(keyspace);
      },
      publish: (channel, message) => this.pubsub.publish(channel, message),
      touched: (key) => {
        this.changes.touched(key);
        this.history.touched(key);
        this.order.touched(key);
      },
      cleared: () => {
        this.changes.cleared();
        this.history.cleared();
        this.order.cleared();
      },
    });
    this.#writes = new Writes({
      propose: async (batch) => (await this.replica.propose(batch)).result,
      immediate,
      fraction: () => runtime.fraction(),
      maxBytes,
    });
    this.#reads = new Reads({
      read: (look, consistency) => this.replica.read(look, { consistency }),
      advance: () => this.#writes.add({ watches: [], commands: [] }),
      immediate,
      wallMs,
    });
    this.blocking = new Blocking({
      attempt: async (args) => (await this.write({ commands: [args] }))?.replies[0] ?? null,
      sizeOf: (key) => {
        const value = this.#keyspace.get(key)?.value;
        return value === undefined ? 0 : typeof value === "string" ? 1 : value.size;
      },
      changes: this.changes,
      runtime,
    });
    this.#replica = Replica.open(machine, { runtime, ...rest });
  }

  /** The replica under it: where it stands, and whether it is connected. */
  get replica(): Replica<Keyspace, Batch, readonly UnitResult[]> {
    if (this.#opened === undefined) throw new Error("not open yet");
    return this.#opened;
  }

  /** The state as this replica has it, to be read only and at once: for figures, and for what need not be right. */
  get keyspace(): Keyspace {
    return this.#keyspace;
  }

  /** Whether some key's time is over by this machine's clock, and the log has not told yet. */
  get hasDue(): boolean {
    return (this.#keyspace.nextExpiryMs ?? Number.POSITIVE_INFINITY) <= this.#wallMs();
  }

  /** Resolves when it serves no more. */
  get stopped(): Promise<StoppedError> {
    return this.replica.stopped;
  }

  /** Why it serves no more; undefined while it does. */
  get end(): StoppedError | undefined {
    return this.#end;
  }

  /**
   * Applies the commands as one, if no watched key has changed; resolves with their replies and revision once that is durable, or
   * with undefined where one had. Rejects as `Replica.propose` does.
   */
  async write({ commands, watches = [] }: Transaction): Promise<UnitResult> {
    return this.#writes.add({ commands, watches });
  }

  /** Why a write is refused before it goes into the log; undefined if it is not. The log decides on what is left. */
  refusal(spec: CommandSpec, args: Arguments): Reply | undefined {
    const refused = refusalOf(spec, args);
    if (refused !== undefined) return refused;
    const full = this.maxBytes > 0 && this.#keyspace.bytes > this.maxBytes && hasFlag(spec, "denyoom");
    return full ? error(OUT_OF_MEMORY) : undefined;
  }

  /** The replies of commands that only read, all of one state. Rejects as `Replica.read` does. */
  run(commands: readonly Arguments[], consistency: Consistency = "strong"): Promise<Reply[]> {
    return this.query(
      {
        keys: keysOf(commands),
        answer: (keyspace) => {
          const steps = new Steps();
          return commands.map((args) => this.#answer(keyspace, args, steps));
        },
      },
      consistency,
    );
  }

  /** What the reply may be as large as, by what is here now: the keys that the command names, or all of them. */
  expectedBytes(spec: CommandSpec, args: Arguments): number {
    const positions = keyPositions(spec, args);
    if (positions.length === 0) return hasFlag(spec, "readonly") ? this.#keyspace.bytes : 0;
    return positions.reduce((bytes, at) => bytes + (this.#keyspace.bytesOf(args[at]) ?? 0), 0);
  }

  /** As an eventual `run` of one command, at once. Throws as `Replica.peek` does. */
  runNow(args: Arguments): Reply {
    return this.replica.peek((keyspace) => this.#answer(keyspace, args, new Steps()));
  }

  /** Whatever can be asked of a state. Rejects as `Replica.read` does. */
  query<T>(query: Query<T>, consistency: Consistency = "strong"): Promise<T> {
    return this.#reads.ask(query, consistency);
  }

  /** Takes no more writes, waits for those pending, and lets go of the log. */
  close(): Promise<void> {
    return this.replica.close();
  }

  #answer(keyspace: Keyspace, args: Arguments, steps: Steps): Reply {
    const spec = anyCommandNamed(args[0]);
    if (spec === undefined || !hasFlag(spec, "readonly")) throw new Error(`${args[0]} is no command that reads`);
    const context = {
      keyspace,
      // What is left of a time to live: the log tells no time while nothing is written.
      nowMs: Math.max(keyspace.nowMs, this.#wallMs()),
      fraction: () => this.#runtime.fraction(),
      steps,
      publish: () => 0,
    };
    return runCommand(spec, context, args);
  }
}

/** Undefined: all that there are. */
function keysOf(commands: readonly Arguments[]): readonly string[] | undefined {
  const keys: string[] = [];
  for (const args of commands) {
    const spec = anyCommandNamed(args[0]);
    if (spec === undefined || refusalOf(spec, args) !== undefined) continue;
    const positions = keyPositions(spec, args);
    // Some read keys besides those that they name.
    const readsOthers = hasFlag(spec, "movablekeys") && spec.keysOf === undefined;
    if (positions.length === 0 || readsOthers) return undefined;
    for (const at of positions) keys.push(args[at]);
  }
  return keys;
}
