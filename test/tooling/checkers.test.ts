// A check that finds nothing is not a check: each one is given a planted violation and must see red.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { PARTS } from "../../scripts/test-parts.js";

const ROOT = join(import.meta.dirname, "../..");

/** A copy of the sources, without git, to plant things in. */
let tree: string;

before(() => {
  tree = mkdtempSync(join(tmpdir(), "tailrace-checkers-"));
  for (const path of [
    "packages",
    "scripts",
    "sim",
    "test",
    "package.json",
    "tsconfig.json",
    ".dependency-cruiser.cjs",
  ]) {
    cpSync(join(ROOT, path), join(tree, path), { recursive: true, filter: (from) => !from.includes("node_modules") });
  }
  const biome = join(ROOT, "biome.json");
  cpSync(biome, join(tree, "biome.json"));
  spawnSync("git", ["init", "-q"], { cwd: tree });
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
});

after(() => rmSync(tree, { recursive: true, force: true }));

function check(name: string, ...args: string[]): number | null {
  const command = PARTS.find((part) => part.name === "static")?.commands?.find(([known]) => known === name);
  assert.ok(command !== undefined);
  return spawnSync(process.execPath, [...command.slice(1), ...args], { cwd: tree }).status;
}

function planted(checker: string, path: string, text: string): number | null {
  const file = join(tree, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  try {
    return check(checker);
  } finally {
    rmSync(file);
  }
}

describe("types", () => {
  test("a wrong type is seen", () => {
    assert.notEqual(planted("tsc", "packages/engine/src/planted.ts", 'export const n: number = "one";\n'), 0);
  });
});

describe("lint and format", () => {
  test("the sources are clean", () => assert.equal(check("biome"), 0));
  const violations: [string, string, string][] = [
    ["an unformatted file", "packages/engine/src/planted.ts", "export   const a=1\n"],
    ["any", "packages/engine/src/planted.ts", "export const a: any = 1;\n"],
    ["Date.now in the engine", "packages/engine/src/shard/planted.ts", "export const a = Date.now();\n"],
    ["setTimeout in the engine", "packages/engine/src/stream/planted.ts", "setTimeout(() => {}, 1);\n"],
    ["setImmediate in the engine", "packages/engine/src/stream/planted.ts", "setImmediate(() => {});\n"],
    ["performance in a handler", "packages/server/src/handlers/planted.ts", "export const a = performance.now();\n"],
    [
      "node:fs in a session",
      "packages/server/src/s2s/planted.ts",
      'import { rmSync } from "node:fs";\n\nrmSync("x");\n',
    ],
    [
      "node:net in the engine",
      "packages/engine/src/catalog/planted.ts",
      'import { connect } from "node:net";\n\nconnect(1);\n',
    ],
    ["Math.random in the engine", "packages/engine/src/shard/planted.ts", "export const a = Math.random();\n"],
    ["real time in a simulation", "sim/world/planted.ts", "setTimeout(() => {}, 1);\n"],
    ["real chance in a simulation", "sim/workload/planted.ts", "export const a = Math.random();\n"],
  ];
  for (const [what, path, text] of violations) {
    test(`${what} is seen`, () => assert.notEqual(planted("biome", path, text), 0));
  }
});

describe("layers", () => {
  test("the sources are clean", () => assert.equal(check("layers"), 0));
  const violations: [string, string, string][] = [
    ["the engine importing the server", "packages/engine/src/planted.ts", 'import "../../server/src/index.ts";\n'],
    [
      "the wire importing a stream",
      "packages/engine/src/wire/planted.ts",
      'export { Stream } from "../stream/stream.ts";\n',
    ],
    ["the runtime importing the wire", "packages/engine/src/runtime/planted.ts", 'export * from "../wire/index.ts";\n'],
    [
      "an object store importing the shard",
      "packages/engine/src/object-store/planted.ts",
      'export * from "../shard/keys.ts";\n',
    ],
    ["the engine importing files", "packages/engine/src/shard/planted.ts", 'export { rmSync } from "node:fs";\n'],
    [
      "the server going past the front door",
      "packages/server/src/planted.ts",
      'export * from "../../engine/src/shard/keys.ts";\n',
    ],
    [
      "the server importing the command line",
      "packages/server/src/planted.ts",
      'export * from "../../cli/src/exit-codes.ts";\n',
    ],
    ["production importing tests", "packages/engine/src/planted.ts", 'export * from "./testing/inputs.ts";\n'],
    ["the server importing the simulator", "packages/server/src/planted.ts", 'export * from "../../../sim/run.ts";\n'],
    [
      "the simulator going past the front door",
      "sim/planted.ts",
      'export * from "../packages/engine/src/shard/keys.ts";\n',
    ],
    ["the simulated world importing a client", "sim/world/planted.ts", 'export * from "../clients/client.ts";\n'],
    [
      "the checker importing the engine",
      "sim/check/planted.ts",
      'export * from "../../packages/engine/src/index.ts";\n',
    ],
    ["a missing module", "packages/engine/src/planted.ts", 'export * from "./nowhere.ts";\n'],
  ];
  for (const [what, path, text] of violations) {
    test(`${what} is seen`, () => assert.notEqual(planted("layers", path, text), 0));
  }
});
