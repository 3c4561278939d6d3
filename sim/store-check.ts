// What `tailrace store check` says of the bucket when all is over: it finds no damage where nothing has rotted, and it finds what a process has
// stopped at. Changes nothing.
import { VirtualRuntime } from "@tailrace/engine/runtime";
import { type CheckReport, checkStore } from "@tailrace/engine/store-tools";
import { damagedKey, isDamage } from "./failures.ts";
import { BucketView } from "./world/bucket-view.ts";
import type { World } from "./world/world.ts";

/** Of so many findings it is told what they are. */
const MAX_TOLD = 3;

/** Nobody may be writing any more. */
export async function judgeStore(world: World): Promise<void> {
  let report: CheckReport;
  try {
    report = await checkStore({ runtime: new VirtualRuntime({ seed: 0 }), view: new BucketView(world.bucket) });
  } catch (error) {
    // Of what is not a deployment any more, there is nothing else to be said.
    if (!isDamage(asError(error)) || world.rots.length === 0)
      world.violation(`the store cannot be checked: ${String(error)}`);
    return;
  }
  const { damage } = report;
  if (world.rots.length === 0) {
    if (damage.count > 0)
      world.violation(
        `the store check finds damage: ${damage.told
          .slice(0, MAX_TOLD)
          .map(({ key, what }) => `${key}: ${what}`)
          .join("; ")}`,
      );
    return;
  }
  for (const { name, failure } of world.processes)
    if (isDamage(failure) && damage.told.every(({ key }) => key !== damagedKey(failure)))
      world.violation(`${name} stopped at ${damagedKey(failure)}, and the store check finds nothing wrong with it`);
}

function asError(error: unknown): Error | undefined {
  return error instanceof Error ? error : undefined;
}
