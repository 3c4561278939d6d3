// Transactions on their way into the log. What comes in one turn of the event loop goes together, in as few records as hold it,
// in the order in which it came.
import { CommandTooLargeError, MAX_COMMAND_BYTES } from "@tailrace/replica";
import { type Batch, encodedBytes, type Unit } from "../machine/batch.ts";
import type { UnitResult } from "../machine/kv-machine.ts";
import { MAX_UNITS } from "../state/revision.ts";

/** A record holds transactions up to this, or one that is larger. */
const RECORD_BYTES = 256 * 1024;
/** Of a batch beside its units. */
const HEAD_BYTES = 32;

export interface WritesSetup {
  /** As `Replica.propose`, with the results alone. */
  propose(batch: Batch): Promise<readonly UnitResult[]>;
  /** Calls back at the end of this turn of the event loop. */
  immediate(callback: () => void): void;
  /** A number in [0, 1). */
  fraction(): number;
  readonly maxBytes: number;
}

interface Pending extends PromiseWithResolvers<UnitResult> {
  readonly unit: Unit;
  readonly bytes: number;
}

export class Writes {
  readonly #setup: WritesSetup;
  #gathered: Pending[] = [];

  constructor(setup: WritesSetup) {
    this.#setup = setup;
  }

  /** Resolves once it is durable and applied here. Rejects as `Replica.propose` does. */
  add(unit: Unit): Promise<UnitResult> {
    const bytes = encodedBytes(unit);
    if (bytes + HEAD_BYTES > MAX_COMMAND_BYTES) {
      return Promise.reject(
        new CommandTooLargeError(`it has ${bytes} bytes, and up to ${MAX_COMMAND_BYTES - HEAD_BYTES} are allowed`),
      );
    }
    const pending = { unit, bytes, ...Promise.withResolvers<UnitResult>() };
    this.#gathered.push(pending);
    if (this.#gathered.length === 1) this.#setup.immediate(() => this.#send());
    return pending.promise;
  }

  #send(): void {
    const gathered = this.#gathered;
    this.#gathered = [];
    for (let from = 0; from < gathered.length; ) {
      const to = from + fitting(gathered, from);
      void this.#propose(gathered.slice(from, to));
      from = to;
    }
  }

  async #propose(pending: readonly Pending[]): Promise<void> {
    const { fraction, maxBytes, propose } = this.#setup;
    const seed = Math.floor(fraction() * 2 ** 32);
    try {
      const results = await propose({ seed, maxBytes, units: pending.map(({ unit }) => unit) });
      pending.forEach(({ resolve }, i) => {
        resolve(results[i]);
      });
    } catch (error) {
      for (const { reject } of pending) reject(error);
    }
  }
}

/** How many from there on go into one record: at least one. */
function fitting(pending: readonly Pending[], from: number): number {
  let bytes = HEAD_BYTES;
  let count = 0;
  while (from + count < pending.length && count < MAX_UNITS) {
    bytes += pending[from + count].bytes;
    if (count > 0 && bytes > RECORD_BYTES) break;
    count += 1;
  }
  return count;
}
