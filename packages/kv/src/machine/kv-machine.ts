// The deterministic state machine: what a record does to the keyspace. Everything it knows comes from the record and the
// keyspace: the log's time, the seed, the proposer's bound. Must never throw for what clients may send: refusals are replies.
import { ByteWriter, type Machine, type Position } from "@tailrace/replica";
import { OUT_OF_MEMORY } from "../command/errors.ts";
import { error, type Reply } from "../command/reply.ts";
import type { Arguments, CommandContext } from "../command/spec.ts";
import { Steps } from "../command/steps.ts";
import { anyCommandNamed, hasFlag, runCommand } from "../command/table.ts";
import { Keyspace, type KeyspaceListener } from "../state/keyspace.ts";
import { revisionOf } from "../state/revision.ts";
import { type Batch, decodeBatch, encodeBatch, type Unit } from "./batch.ts";
import { chanceOf } from "./chance.ts";
import { restoreSnapshot, takeSnapshot } from "./snapshot.ts";

/** A reply to each command of the unit, and the unit's revision; undefined where a watched key had changed: nothing was done. */
export type UnitResult = { readonly replies: readonly Reply[]; readonly revision: number } | undefined;

/** What a replica does about what is applied. It must change nothing, and nothing of it goes into the state. */
export interface KvHooks extends KeyspaceListener {
  /** The keyspace is this one from now on: at the start, and after a snapshot was restored. */
  began(keyspace: Keyspace): void;
  /** A message to subscribers; how many there are here. */
  publish(channel: string, message: string): number;
}

export type KvMachine = Machine<Keyspace, Batch, readonly UnitResult[]>;

/** Of commands and their meaning; see `Machine.version`. */
const VERSION = 1;

export function kvMachine(hooks: KvHooks): KvMachine {
  const begun = (keyspace: Keyspace): Keyspace => {
    keyspace.listen(hooks);
    hooks.began(keyspace);
    return keyspace;
  };
  return {
    name: "tailrace-kv",
    version: VERSION,
    initial: () => begun(new Keyspace()),
    encode: encodeBatch,
    decode: decodeBatch,
    apply: (keyspace, batch, position) => applyBatch(keyspace, batch, position, hooks),
    snapshots: {
      take: takeSnapshot,
      restore: async (chunks) => begun(await restoreSnapshot(chunks)),
    },
    digest: (keyspace) => {
      const writer = new ByteWriter();
      for (const part of keyspace.digest) writer.double(part);
      return writer.finish();
    },
  };
}

function applyBatch(keyspace: Keyspace, batch: Batch, position: Position, hooks: KvHooks): readonly UnitResult[] {
  keyspace.revision = revisionOf(position.seqNum, 0);
  keyspace.advance(position.timestampMs);
  return batch.units.map((unit, i) => {
    const revision = revisionOf(position.seqNum, i);
    keyspace.revision = revision;
    if (unit.watches.some(([key, watched]) => keyspace.revisionOf(key) !== watched)) return undefined;
    return { replies: applyUnit(keyspace, unit, batch.maxBytes, contextOf(keyspace, batch.seed + i, hooks)), revision };
  });
}

function contextOf(keyspace: Keyspace, seed: number, hooks: KvHooks): CommandContext {
  return { keyspace, nowMs: keyspace.nowMs, fraction: chanceOf(seed), steps: new Steps(), publish: hooks.publish };
}

function applyUnit(keyspace: Keyspace, { commands }: Unit, maxBytes: number, context: CommandContext): Reply[] {
  return commands.map((args: Arguments) => {
    const spec = args.length === 0 ? undefined : anyCommandNamed(args[0]);
    // Its proposer knew it, so other replicas may apply it: to go on without it would be to diverge.
    if (spec === undefined) throw new Error(`this build knows no command "${args[0]}"`);
    if (maxBytes > 0 && keyspace.bytes > maxBytes && hasFlag(spec, "denyoom")) return error(OUT_OF_MEMORY);
    return runCommand(spec, context, args);
  });
}
