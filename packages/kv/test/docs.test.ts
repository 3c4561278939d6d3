// docs/kv.md names every command that there is, and none that there is not.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { COMMANDS } from "../src/command/table.ts";
import { LOCAL_COMMANDS } from "../src/resp/local-commands.ts";

test("the table of commands is of this build", () => {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/kv.md"), "utf8");
  const rows = text
    .slice(text.indexOf("## Commands"), text.indexOf("Where this store differs"))
    .split("\n")
    .filter((line) => line.startsWith("| "));
  const cells = rows.map((row) =>
    row.split("|").map((cell) => [...cell.matchAll(/`([a-z_]+)`/g)].map(([, name]) => name)),
  );
  const logged = cells.flatMap((row) => row[2] ?? []);
  const answered = cells.flatMap((row) => row[3] ?? []);
  const writes = [...COMMANDS.values()].filter(({ flags }) => flags.includes("write")).map(({ name }) => name);
  const reads = [...COMMANDS.values()].filter(({ flags }) => flags.includes("readonly")).map(({ name }) => name);
  assert.deepEqual(logged.filter((name) => name !== "exec").sort(), writes.sort());
  const local = [...LOCAL_COMMANDS.keys()].filter((name) => name !== "exec");
  assert.deepEqual(answered.sort(), [...reads, ...local].sort());
});
