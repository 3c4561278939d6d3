// What `tailrace store check` says of the bucket: whenever a manifest has come to stand, and when all is over, it finds no damage where nothing has
// rotted; and it finds what a process has stopped at. Changes nothing, and leaves no trace.
import { VirtualRuntime } from "@tailrace/engine/runtime";
import { type CheckReport, checkStore } from "@tailrace/engine/store-tools";
import { damagedKey, isDamage } from "./failures.ts";
import { BucketView } from "./world/bucket-view.ts";
import type { World } from "./world/world.ts";

/** Of so many findings it is told what they are. */
const MAX_TOLD = 3;
/** After the first few, it looks at one manifest in so many: a look reads everything. */
const FIRST_MANIFESTS = 4;
const ONE_MANIFEST_IN = 1;

/** Looks again and again from now on, as whoever takes over just then would. */
export function watchStore(world: World): void {
  let manifests = 0;
  world.onManifest = () => {
    manifests += 1;
    const isDue = manifests <= FIRST_MANIFESTS || manifests % ONE_MANIFEST_IN === 0;
    if (isDue && world.rots.length === 0) void judgeStore(world);
  };
}

/** The world stands still meanwhile. */
export async function judgeStore(world: World): Promise<void> {
  const { rots } = world;
  let report: CheckReport;
  try {
    report = await checkStore({ runtime: new VirtualRuntime({ seed: 0 }), view: new BucketView(world.bucket) });
  } catch (error) {
    // Of what is not a deployment any more, there is nothing else to be said.
    if (rots.length === 0 || !(error instanceof Error && isDamage(error)))
      world.violation(`the store cannot be checked: ${String(error)}`);
    return;
  }
  const { told } = report.damage;
  if (rots.length === 0 && told.length > 0) {
    const findings = told.slice(0, MAX_TOLD).map(({ key, what }) => `${key}: ${what}`);
    world.violation(`the store check finds damage: ${findings.join("; ")}`);
  }
  // What an earlier one has stopped at may have been collected since.
  const { name, failure } = world.processes.at(-1) ?? {};
  if (isDamage(failure) && told.every(({ key }) => key !== damagedKey(failure)))
    world.violation(`${name} stopped at ${damagedKey(failure)}, and the store check finds nothing wrong with it`);
}
