// Our commands as a client would see them, with nothing between: the keyspace alone, by the clock of the machine.
import { Steps } from "../../src/command/steps.ts";
import { commandNamed, runCommand } from "../../src/command/table.ts";
import { Keyspace } from "../../src/state/keyspace.ts";
import { revisionOf } from "../../src/state/revision.ts";
import { Random } from "./random.ts";
import { type Protocol, rawReply } from "./reply-of.ts";
import type { RawReply } from "./resp-client.ts";

/** Who answers commands: Redis, or whatever is compared with it. */
export interface Answerer {
  /** Tries blocking commands once, and has no transactions to do so. */
  readonly neverBlocks?: boolean;
  send(...args: readonly string[]): Promise<RawReply>;
}

export class CommandTable implements Answerer {
  readonly neverBlocks = true;
  readonly #keyspace = new Keyspace();
  readonly #random = new Random(1);
  readonly #protocol: Protocol;
  #position = 0;

  constructor(protocol: Protocol) {
    this.#protocol = protocol;
  }

  async send(...args: readonly string[]): Promise<RawReply> {
    const spec = commandNamed(args[0]);
    if (spec === undefined) throw new Error(`no such command: ${args[0]}`);
    this.#position += 1;
    this.#keyspace.advance(Date.now());
    this.#keyspace.revision = revisionOf(this.#position, 0);
    const context = {
      keyspace: this.#keyspace,
      nowMs: this.#keyspace.nowMs,
      steps: new Steps(),
      fraction: () => this.#random.fraction(),
      publish: () => 0,
    };
    return rawReply(runCommand(spec, context, args), this.#protocol);
  }
}
