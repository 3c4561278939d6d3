// The runner of deliberate bugs, on one that takes the simulator a seed or two. (All of them: npm run mutants.)
import assert from "node:assert/strict";
import { test } from "node:test";
import { hunt } from "./hunt.ts";
import { mutants } from "./mutants.ts";
import { Tree } from "./tree.ts";

/** What is enough for it. */
const SEEDS = 6;
/** It starts a few processes. */
const TIMEOUT_MS = 240_000;

test("a deliberate bug is caught, and told with its seed", { timeout: TIMEOUT_MS }, async (t) => {
  const tree = new Tree();
  t.after(() => tree.remove());
  const [mutant] = mutants(["follower-not-woken"]);
  tree.apply(mutant.path);
  const caught = await hunt(tree, SEEDS);
  assert.ok(caught !== undefined && caught.seed <= SEEDS);
  assert.notEqual(caught.reason, "");
});
