// The parts of `npm test`, each with the seconds that it may take. What is not listed here does not run; an empty part fails.
// The budgets are for an idle machine with two cores. A part fails at twice its budget, and warns at once its budget:
// shared machines are noisy, and a test that is merely slow today is no bug.

export const SLACK = 2;

/** @type {{name: string, budgetSecs: number, what: string, files?: string[], commands?: string[][], concurrency?: number}[]} */
export const PARTS = [
  {
    name: "static",
    budgetSecs: 45,
    what: "types, lint and format, layers",
    commands: [
      ["tsc", "node_modules/typescript/bin/tsc", "-p", ".", "--noEmit"],
      ["biome", "node_modules/@biomejs/biome/bin/biome", "check", "."],
      [
        "layers",
        "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs",
        "--config",
        ".dependency-cruiser.cjs",
        "packages",
        "sim",
      ],
    ],
  },
  {
    name: "unit",
    budgetSecs: 90,
    what: "unit and property tests, and the checkers' own",
    files: [
      "packages/*/src/**/*.test.ts",
      "sim/check/*.test.ts",
      "test/tooling/*.test.ts",
      "test/support/*.test.ts",
      "bench/**/*.test.ts",
    ],
  },
  {
    name: "model",
    budgetSecs: 60,
    what: "the ownership protocol, every state within bounds",
    files: ["sim/model/*.test.ts"],
  },
  {
    name: "sim",
    budgetSecs: 100,
    what: "the deterministic simulator: its own parts, fixed seeds, and fresh ones for what time is left",
    commands: [["fresh seeds", "sim/main.ts", "--seconds", "50"]],
    files: ["sim/world/*.test.ts", "sim/test/*.test.ts", "sim/mutants/*.test.ts"],
  },
  {
    name: "e2e",
    budgetSecs: 150,
    what: "the official SDK and real processes",
    files: ["packages/{cli,server}/test/*.test.ts"],
  },
  {
    name: "replica",
    budgetSecs: 60,
    what: "replicas over a real server: killed, cut off, slow; and their deliberate bugs",
    files: ["packages/replica/test/*.test.ts", "sim/mutants/replica/*.test.ts"],
  },
  {
    name: "kv",
    budgetSecs: 110,
    what: "the key-value store: real Redis clients, real processes, replicas that are killed; and its deliberate bugs",
    files: ["packages/kv/test/*.test.ts", "sim/mutants/kv/*.test.ts"],
  },
  {
    name: "pressure",
    budgetSecs: 30,
    what: "clients that ask for much and take nothing",
    files: ["test/pressure/*.test.ts"],
  },
  {
    name: "fuzz",
    budgetSecs: 30,
    what: "every decoder and the live ports against damaged input",
    files: ["test/fuzz/*.test.ts"],
  },
  { name: "kill9", budgetSecs: 75, what: "kill -9 under load", files: ["test/faults/kill9.test.ts"] },
  {
    name: "two-processes",
    budgetSecs: 30,
    what: "two processes on one store",
    files: ["test/faults/two-processes.test.ts"],
  },
  {
    name: "store-faults",
    budgetSecs: 90,
    what: "full disks, stores that go away, buckets that fail in the middle of a flush",
    files: ["test/faults/store-faults.test.ts", "test/faults/bucket-faults.test.ts"],
  },
  {
    name: "faults",
    budgetSecs: 75,
    what: "linearizable under real faults",
    files: ["test/faults/linearizable-*.test.ts"],
  },
];
