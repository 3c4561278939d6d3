// Deliberate bugs are bugs of this code: one that cannot be put into it any more must be written anew.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { mutants } from "./mutants.ts";
import { Tree } from "./tree.ts";

test("every deliberate bug can be put into the code as it is", (t) => {
  const tree = new Tree();
  t.after(() => tree.remove());
  const all = [...mutants([]), ...mutants([], join(import.meta.dirname, "replica"))];
  const stale = all.filter(({ path }) => !tree.takes(path));
  assert.deepEqual(
    stale.map(({ name }) => name),
    [],
  );
});
