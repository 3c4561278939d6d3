// The layers, one way: runtime ← wire ← object-store ← engine ← server ← cli, and beside them replica ← kv ← cli. Checked in `npm test`.
const ENGINE = "^packages/engine/src/";
const KV = "^packages/kv/src/";
const TESTS = "(\\.test\\.ts$|/testing/|/contract\\.ts$)";

module.exports = {
  forbidden: [
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    { name: "resolvable", severity: "error", from: {}, to: { couldNotResolve: true } },
    {
      name: "runtime-stands-alone",
      severity: "error",
      from: { path: `${ENGINE}runtime/`, pathNot: TESTS },
      to: { path: "^packages/", pathNot: `${ENGINE}runtime/` },
    },
    {
      name: "wire-knows-wire-only",
      severity: "error",
      from: { path: `${ENGINE}wire/`, pathNot: TESTS },
      to: { path: "^packages/", pathNot: `${ENGINE}(wire|runtime)/` },
    },
    {
      name: "object-store-knows-the-runtime-only",
      severity: "error",
      from: { path: `${ENGINE}object-store/`, pathNot: TESTS },
      to: { path: "^packages/", pathNot: `${ENGINE}(object-store|runtime)/` },
    },
    {
      name: "engine-knows-no-one-above",
      severity: "error",
      from: { path: "^packages/engine/", pathNot: TESTS },
      to: { path: "^packages/(?!engine/)" },
    },
    {
      name: "server-knows-the-engine-only",
      severity: "error",
      from: { path: "^packages/server/src/" },
      to: { path: "^packages/(?!(engine|server)/)" },
    },
    {
      name: "replica-knows-the-sdk-only",
      comment: "It runs against any S2 endpoint, so it knows none of ours.",
      severity: "error",
      from: { path: "^packages/replica/src/" },
      to: { path: "^(packages|bench|scripts|test)/", pathNot: "^packages/replica/src/" },
    },
    {
      name: "replica-reaches-the-log-through-one-file",
      comment: "Everything else runs in virtual time over a simulated log.",
      severity: "error",
      from: { path: "^packages/replica/src/", pathNot: "^packages/replica/src/log/s2-log\\.ts$" },
      to: { path: "@s2-dev/streamstore" },
    },
    {
      name: "kv-knows-replica-only",
      comment: "It runs on any log that a replica runs on; the command line puts one under it.",
      severity: "error",
      from: { path: KV, pathNot: TESTS },
      to: { path: "^(packages|bench|scripts|test)/", pathNot: "^packages/(kv/src/|replica/src/index\\.ts$)" },
    },
    ...[
      ["state", "state"],
      ["command", "state|command"],
      ["machine", "state|command|machine"],
      ["store", "state|command|machine|store"],
      ["resp", "state|command|machine|store|resp"],
      ["http", "state|command|machine|store|resp|http"],
    ].map(([layer, known]) => ({
      name: `kv-${layer}-knows-no-one-above`,
      comment: "state ← command ← machine ← store ← resp, http",
      severity: "error",
      from: { path: `${KV}${layer}/`, pathNot: TESTS },
      to: { path: KV, pathNot: `${KV}(${known})/` },
    })),
    {
      name: "through-the-front-door",
      comment: "Other packages use the engine's public surfaces.",
      severity: "error",
      from: { path: "^packages/(server|cli)/src/" },
      to: { path: `${ENGINE}.`, pathNot: `${ENGINE}((runtime|wire|object-store|store-tools)/)?index\\.ts$` },
    },
    {
      name: "the-world-by-runtime-and-store-only",
      comment: "Files, network, processes and clocks enter the engine through its runtime and its object stores.",
      severity: "error",
      from: { path: `${ENGINE}`, pathNot: `${TESTS}|${ENGINE}(runtime|object-store)/` },
      to: { dependencyTypes: ["core"], pathNot: "^(node:)?(zlib|buffer)$" },
    },
    {
      name: "nobody-knows-the-simulator",
      severity: "error",
      from: { pathNot: "^sim/" },
      to: { path: "^sim/" },
    },
    {
      name: "simulated-through-the-front-door",
      comment: "What is simulated is what others use: the public surfaces of engine and server.",
      severity: "error",
      from: { path: "^sim/", pathNot: TESTS },
      to: {
        path: "^(packages|bench|scripts|test)/",
        pathNot: `${ENGINE}((runtime|wire|object-store|store-tools)/)?index\\.ts$|^packages/server/src/api\\.ts$`,
      },
    },
    {
      name: "the-simulated-world-knows-no-client",
      severity: "error",
      from: { path: "^sim/world/", pathNot: TESTS },
      to: { path: "^sim/", pathNot: "^sim/world/" },
    },
    {
      name: "the-checker-stands-alone",
      comment: "It judges by what the API promises, and knows neither how it is kept nor how it was asked for.",
      severity: "error",
      from: { path: "^sim/check/", pathNot: TESTS },
      to: { path: "^(sim|packages)/", pathNot: "^sim/check/" },
    },
    {
      name: "no-tests-in-production",
      severity: "error",
      from: { path: "^packages/[^/]+/src/", pathNot: TESTS },
      to: { path: TESTS },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default"],
      extensions: [".ts", ".js"],
    },
  },
};
