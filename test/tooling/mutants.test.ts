// Deliberate bugs that no longer apply to the code catch nothing. (That the simulator catches them: npm run mutants.)
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { mutants } from "../../sim/mutants/mutants.ts";

const ROOT = join(import.meta.dirname, "../..");
/** Fewer would say little about the simulator. */
const FEWEST = 30;

test("every mutant says what it breaks, and applies", () => {
  const all = mutants([]);
  assert.ok(all.length >= FEWEST);
  for (const { name, path, breaks } of all) {
    assert.ok(breaks.length > 20, name);
    const { status, stderr } = spawnSync("git", ["apply", "--check", path], { cwd: ROOT, encoding: "utf8" });
    assert.equal(status, 0, stderr);
  }
});

test("a name that no mutant has is refused", () => {
  assert.throws(() => mutants(["no-such-bug"]), /no mutant is named/);
});
