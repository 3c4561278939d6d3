// A check that finds nothing is not a check: each one is given a planted violation and must see red.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

interface Checked {
  readonly status: number | null;
  readonly output: string;
}

function check(name: string, ...args: string[]): Checked {
  const command = PARTS.find((part) => part.name === "static")?.commands?.find(([known]) => known === name);
  assert.ok(command !== undefined);
  const { status, stdout, stderr } = spawnSync(process.execPath, [...command.slice(1), ...args], {
    cwd: tree,
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1" },
  });
  return { status, output: stdout + stderr };
}

interface Violation {
  readonly what: string;
  /** Where it is planted. */
  readonly folder: string;
  readonly text: string;
  /** What the checker calls it. */
  readonly rule: string;
}

const fileOf = ({ folder }: Violation, i: number) => `${folder}/planted-${i}.ts`;

/** Plants all of them, each in a file of its own, and has them looked for in one go. */
function plantedAll(checker: string, violations: readonly Violation[], ...args: string[]): Checked {
  violations.forEach((violation, i) => {
    writeFileSync(join(tree, fileOf(violation, i)), violation.text);
  });
  try {
    return check(checker, ...args);
  } finally {
    violations.forEach((violation, i) => {
      rmSync(join(tree, fileOf(violation, i)));
    });
  }
}

/** One test a violation: the checker fails, and names the file and the rule together. */
function sees(checker: string, violations: readonly Violation[], ...args: string[]): void {
  let checked: Checked;
  before(() => {
    checked = plantedAll(checker, violations, ...args);
  });
  violations.forEach((violation, i) => {
    test(`${violation.what} is seen`, () => {
      assert.notEqual(checked.status, 0);
      const file = fileOf(violation, i);
      const named = checked.output.split("\n").some((line) => line.includes(file) && line.includes(violation.rule));
      assert.ok(named, `${violation.rule} in ${file} is not in:\n${checked.output}`);
    });
  });
}

describe("types", () => {
  sees("tsc", [
    { what: "a wrong type", folder: "packages/engine/src", text: 'export const n: number = "one";\n', rule: "TS2322" },
  ]);
});

describe("lint and format", () => {
  test("the sources are clean", () => assert.equal(check("biome").status, 0));
  sees(
    "biome",
    [
      { what: "an unformatted file", folder: "packages/engine/src", text: "export   const a=1\n", rule: "format" },
      { what: "any", folder: "packages/engine/src", text: "export const a: any = 1;\n", rule: "noExplicitAny" },
      {
        what: "Date.now in the engine",
        folder: "packages/engine/src/shard",
        text: "export const a = Date.now();\n",
        rule: "noRestrictedGlobals",
      },
      {
        what: "setTimeout in the engine",
        folder: "packages/engine/src/stream",
        text: "setTimeout(() => {}, 1);\n",
        rule: "noRestrictedGlobals",
      },
      {
        what: "setImmediate in the engine",
        folder: "packages/engine/src/stream",
        text: "setImmediate(() => {});\n",
        rule: "noRestrictedGlobals",
      },
      {
        what: "performance in a handler",
        folder: "packages/server/src/handlers",
        text: "export const a = performance.now();\n",
        rule: "noRestrictedGlobals",
      },
      {
        what: "node:fs in a session",
        folder: "packages/server/src/s2s",
        text: 'import { rmSync } from "node:fs";\n\nrmSync("x");\n',
        rule: "noRestrictedImports",
      },
      {
        what: "node:net in the engine",
        folder: "packages/engine/src/catalog",
        text: 'import { connect } from "node:net";\n\nconnect(1);\n',
        rule: "noRestrictedImports",
      },
      {
        what: "Math.random in the engine",
        folder: "packages/engine/src/shard",
        text: "export const a = Math.random();\n",
        rule: "plugin",
      },
      {
        what: "Date.now in a replica",
        folder: "packages/replica/src/apply",
        text: "export const a = Date.now();\n",
        rule: "noRestrictedGlobals",
      },
      {
        what: "Math.random in a replica",
        folder: "packages/replica/src/propose",
        text: "export const a = Math.random();\n",
        rule: "plugin",
      },
      {
        what: "Date.now in a command",
        folder: "packages/kv/src/command",
        text: "export const a = Date.now();\n",
        rule: "noRestrictedGlobals",
      },
      {
        what: "Math.random in the key-value state",
        folder: "packages/kv/src/state",
        text: "export const a = Math.random();\n",
        rule: "plugin",
      },
      {
        what: "real time in a simulation",
        folder: "sim/world",
        text: "setTimeout(() => {}, 1);\n",
        rule: "noRestrictedGlobals",
      },
      {
        what: "real chance in a simulation",
        folder: "sim/workload",
        text: "export const a = Math.random();\n",
        rule: "plugin",
      },
    ],
    "--max-diagnostics=none",
  );
});

describe("layers", () => {
  test("the sources are clean", () => assert.equal(check("layers").status, 0));
  sees("layers", [
    {
      what: "the engine importing the server",
      folder: "packages/engine/src",
      text: 'import "../../server/src/index.ts";\n',
      rule: "engine-knows-no-one-above",
    },
    {
      what: "the wire importing a stream",
      folder: "packages/engine/src/wire",
      text: 'export { Stream } from "../stream/stream.ts";\n',
      rule: "wire-knows-wire-only",
    },
    {
      what: "the runtime importing the wire",
      folder: "packages/engine/src/runtime",
      text: 'export * from "../wire/index.ts";\n',
      rule: "runtime-stands-alone",
    },
    {
      what: "an object store importing the shard",
      folder: "packages/engine/src/object-store",
      text: 'export * from "../shard/keys.ts";\n',
      rule: "object-store-knows-the-runtime-only",
    },
    {
      what: "the engine importing files",
      folder: "packages/engine/src/shard",
      text: 'export { rmSync } from "node:fs";\n',
      rule: "the-world-by-runtime-and-store-only",
    },
    {
      what: "the server going past the front door",
      folder: "packages/server/src",
      text: 'export * from "../../engine/src/shard/keys.ts";\n',
      rule: "through-the-front-door",
    },
    {
      what: "the server importing the command line",
      folder: "packages/server/src",
      text: 'export * from "../../cli/src/exit-codes.ts";\n',
      rule: "server-knows-the-engine-only",
    },
    {
      what: "a replica importing the engine",
      folder: "packages/replica/src",
      text: 'export * from "../../engine/src/index.ts";\n',
      rule: "replica-knows-the-sdk-only",
    },
    {
      what: "a replica importing the SDK past its log",
      folder: "packages/replica/src/read",
      text: 'export { S2 } from "@s2-dev/streamstore";\n',
      rule: "replica-reaches-the-log-through-one-file",
    },
    {
      what: "the key-value store importing the engine",
      folder: "packages/kv/src",
      text: 'export * from "../../engine/src/index.ts";\n',
      rule: "kv-knows-replica-only",
    },
    {
      what: "the key-value state importing a command",
      folder: "packages/kv/src/state",
      text: 'export * from "../command/reply.ts";\n',
      rule: "kv-state-knows-no-one-above",
    },
    {
      what: "production importing tests",
      folder: "packages/engine/src",
      text: 'export * from "./testing/inputs.ts";\n',
      rule: "no-tests-in-production",
    },
    {
      what: "the server importing the simulator",
      folder: "packages/server/src",
      text: 'export * from "../../../sim/run.ts";\n',
      rule: "nobody-knows-the-simulator",
    },
    {
      what: "the simulator going past the front door",
      folder: "sim",
      text: 'export * from "../packages/engine/src/shard/keys.ts";\n',
      rule: "simulated-through-the-front-door",
    },
    {
      what: "the simulated world importing a client",
      folder: "sim/world",
      text: 'export * from "../clients/client.ts";\n',
      rule: "the-simulated-world-knows-no-client",
    },
    {
      what: "the checker importing the engine",
      folder: "sim/check",
      text: 'export * from "../../packages/engine/src/index.ts";\n',
      rule: "the-checker-stands-alone",
    },
    {
      what: "a missing module",
      folder: "packages/engine/src",
      text: 'export * from "./nowhere.ts";\n',
      rule: "resolvable",
    },
  ]);
});
