// What clients of three replicas see is linearizable for each key, whatever the network, crashes and clocks do; and the checker
// would have seen it if it were not.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Fleet, type FleetSetup } from "./testing/fleet.ts";
import { isLinearizable } from "./testing/linearizable.ts";

const SEEDS = 25;
/** A planted mistake must show within so many seeds. */
const PATIENCE = 200;

async function isRight(setup: FleetSetup): Promise<boolean> {
  const fleet = new Fleet(setup);
  await fleet.run();
  return [...fleet.histories.values()].every(isLinearizable) && fleet.sums.every((sum) => sum === 0);
}

describe("three replicas", () => {
  for (const loss of [0, 0.02, 0.1]) {
    test(`are one key-value store, where ${loss * 100} % of all messages are lost`, async () => {
      for (let seed = 1; seed <= SEEDS; seed += 1) {
        assert.ok(await isRight({ seed, loss }), `seed ${seed}, loss ${loss}`);
      }
    });
  }

  for (const mistake of ["skip-barrier", "early-acknowledgement", "local-expiry"] as const) {
    test(`would be caught at this: ${mistake}`, async () => {
      for (let seed = 1; seed <= PATIENCE; seed += 1) if (!(await isRight({ seed, loss: 0, mistake }))) return;
      assert.fail(`${PATIENCE} seeds without a violation`);
    });
  }
});
