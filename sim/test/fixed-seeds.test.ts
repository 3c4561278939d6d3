// The fixed seeds: no violation, the same trace twice, and together every rare branch of the engine.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { RARE_BRANCHES, type RareBranch } from "@tailrace/engine/runtime";
import { run } from "../run.ts";
import { FIXED_SEEDS, RESERVE } from "../seeds.ts";
import { judge } from "../verdict.ts";

describe("fixed seeds", () => {
  let rotFound = 0;
  const unreached = new Set<RareBranch>(RARE_BRANCHES);

  async function play(seed: number): Promise<string> {
    const { result, violations, reports } = await judge(seed);
    assert.deepEqual(violations, [], `npm run sim -- --seed ${seed}\n${reports.join("\n")}`);
    if (result.rot === "found") rotFound += 1;
    for (const branch of unreached) if (result.branches.count(branch) > 0) unreached.delete(branch);
    return result.digest;
  }

  for (const { seed, why } of FIXED_SEEDS) {
    test(`seed ${seed}: ${why}`, async () => {
      const digest = await play(seed);
      assert.equal((await run(seed)).digest, digest, "the second run took another course");
    });
  }

  test("stop at an object that has rotted", () => assert.ok(rotFound > 0));

  test("reach every rare branch of the engine", async (t) => {
    for (const seed of RESERVE) {
      if (unreached.size === 0) break;
      t.diagnostic(`seed ${seed} of the reserve, for ${[...unreached].join(", ")}`);
      await play(seed);
    }
    assert.deepEqual([...unreached], []);
  });
});
