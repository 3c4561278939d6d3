// Why processes have ended: a successor, a store that could not be reached, or an object that has rotted. Anything else is a violation.
import { CorruptObjectError, DeploymentError, type DeposedBy, DeposedError } from "@tailrace/engine";
import type { Lane } from "./world/scheduler.ts";
import type { World } from "./world/world.ts";

/** Whether a process stopped because it read what is damaged. */
export function isDamage(error: Error | undefined): error is CorruptObjectError | DeploymentError {
  return error instanceof CorruptObjectError || error instanceof DeploymentError;
}

/** The damaged object. */
export function damagedKey(error: CorruptObjectError | DeploymentError): string {
  // A deployment that is not even readable has an error of its own.
  return error instanceof CorruptObjectError ? error.key : "deployment.json";
}

/** Looks at every process that ever ran. */
export function judgeFailures(world: World): void {
  for (const { name, lane, failure } of world.processes) {
    if (failure instanceof DeposedError && authorOf(world, failure.by) === lane)
      world.violation(`${name} took its own object for another's: ${failure.message}`);
    if (failure === undefined || failure instanceof DeposedError) continue;
    if (failure.name === "ObjectStoreError" || failure.name === "EngineError") continue;
    if (isDamage(failure)) {
      const key = damagedKey(failure);
      if (!world.rots.some((rot) => rot.key === key))
        world.violation(`${name} found ${key} corrupt, which had not rotted: ${failure.message}`);
    } else world.violation(`${name} failed: ${stackOf(failure)}`);
  }
}

function authorOf({ watch }: World, { found }: DeposedBy): Lane | undefined {
  return found.kind === "place" ? watch.authorOf(found.number) : undefined;
}

export function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
