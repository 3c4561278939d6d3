// A machine to look through: its state is the list of what was applied to it, in order. And a witness that compares replicas.
import assert from "node:assert/strict";
import { CommandRejected } from "../errors.ts";
import type { Machine, SnapshotFormat } from "../machine.ts";

export interface Entry {
  readonly id: number;
  /** Refused by `apply`. */
  readonly refused?: boolean;
}

export interface Ledger {
  readonly ids: number[];
  readonly positions: number[];
}

/** Notes what each replica's state is at each position: it must be the same in all. */
export class Witness {
  readonly #at = new Map<number, string>();

  sees(seqNum: number, state: string): void {
    const seen = this.#at.get(seqNum);
    assert.ok(seen === undefined || seen === state, `two states at ${seqNum}: ${seen} and ${state}`);
    this.#at.set(seqNum, state);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export interface LedgerMachine extends Machine<Ledger, Entry, number> {
  readonly snapshots: { -readonly [member in keyof SnapshotFormat<Ledger>]: SnapshotFormat<Ledger>[member] };
}

/** A command's result is its index in the ledger. */
export function ledger(witness = new Witness(), maxSessions?: number): LedgerMachine {
  return {
    name: "ledger",
    version: 1,
    ...(maxSessions === undefined ? {} : { maxSessions }),
    initial: () => ({ ids: [], positions: [] }),
    encode: (entry) => encoder.encode(JSON.stringify(entry)),
    decode: (bytes) => JSON.parse(decoder.decode(bytes)),
    apply(state, { id, refused }, { seqNum }) {
      if (refused === true) throw new CommandRejected(`${id} is refused`);
      state.ids.push(id);
      state.positions.push(seqNum);
      witness.sees(seqNum, `${state.ids.length}: ${id} after ${state.ids.at(-2)}`);
      return state.ids.length - 1;
    },
    digest: ({ ids }) => encoder.encode(JSON.stringify(ids)),
    snapshots: {
      take: ({ ids, positions }) => ids.map((id, i) => encoder.encode(JSON.stringify([id, positions[i]]))),
      async restore(chunks) {
        const state: Ledger = { ids: [], positions: [] };
        for await (const chunk of chunks) {
          const [id, position] = JSON.parse(decoder.decode(chunk));
          state.ids.push(id);
          state.positions.push(position);
        }
        return state;
      },
    },
  };
}
