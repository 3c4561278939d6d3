// Transactions on the store: into the log, or only to the state where they change nothing.
import type { Consistency } from "@tailrace/replica";
import { isError } from "../command/reply.ts";
import { Steps } from "../command/steps.ts";
import { anyCommandNamed, keyPositions, runCommand } from "../command/table.ts";
import { type CompareAndDo, type Done, onlyReads, outcomeOf, transactionArguments } from "../command/transactions.ts";
import type { Store } from "../store/store.ts";
import { refusedCommand } from "./errors.ts";

export interface Transacted extends Done {
  /** What was changed has this revision; what was only read is of the state at this revision. */
  readonly revision: number;
}

/** Rejects with `ApiError` where it is refused, and as `Store.write` and `Store.query` do. */
export async function transact(
  store: Store,
  asked: CompareAndDo,
  consistency: Consistency = "strong",
): Promise<Transacted> {
  const args = transactionArguments(asked);
  const spec = anyCommandNamed(args[0]);
  if (spec === undefined) throw new Error(`no command ${args[0]}`);
  const refusal = store.refusal(spec, args);
  if (refusal !== undefined && isError(refusal)) throw refusedCommand(refusal.text);
  const { reply, revision } = onlyReads(args)
    ? await store.query(
        {
          keys: keyPositions(spec, args).map((at) => args[at]),
          answer: (keyspace) => {
            const context = {
              keyspace,
              nowMs: keyspace.nowMs,
              fraction: () => 0,
              steps: new Steps(),
              publish: () => 0,
            };
            return { reply: runCommand(spec, context, args), revision: keyspace.revision };
          },
        },
        consistency,
      )
    : await written(store, args);
  if (isError(reply)) throw refusedCommand(reply.text);
  return { ...outcomeOf(reply), revision };
}

async function written(store: Store, args: readonly string[]) {
  const result = await store.write({ commands: [args] });
  // Only watched keys keep a transaction from being done, and there are none.
  if (result === undefined) throw new Error("a transaction without watched keys was not done");
  return { reply: result.replies[0], revision: result.revision };
}
