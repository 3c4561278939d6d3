// The command as a process: what it prints, what it refuses in one sentence, and how it stops.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AppendInput, AppendRecord, S2, S2Endpoints } from "@s2-dev/streamstore";
import { NODE_FLAGS } from "../../../scripts/node-flags.js";
import { HttpClient } from "../../../test/support/http-client.ts";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { ExitCode } from "../src/exit-codes.ts";
import { parseDurationSecs } from "../src/human-duration.ts";

const MAIN = join(import.meta.dirname, "../src/main.ts");
const LAUNCHER = join(import.meta.dirname, "../bin/tailrace.js");
const temporary = mkdtempSync(join(tmpdir(), "tailrace-cli-"));
after(() => rmSync(temporary, { recursive: true, force: true }));

function run(...args: string[]) {
  return spawnSync(process.execPath, [...NODE_FLAGS, MAIN, ...args], {
    encoding: "utf8",
    timeout: 20_000,
  });
}

/** One sentence on standard error, and the code. */
function refused(code: number, pattern: RegExp, ...args: string[]): void {
  const result = run("serve", ...args);
  assert.equal(result.status, code, result.stderr);
  const sentences = result.stderr
    .split("\n")
    .filter((line) => line.startsWith("tailrace: ") || line.startsWith("error: "));
  assert.equal(sentences.length, 1, result.stderr);
  assert.match(sentences[0], pattern);
}

test("--help names every option and its variable", () => {
  const { stdout, status } = run("serve", "--help");
  assert.equal(status, 0);
  const flags = [
    "listen",
    "store",
    "memory",
    "root-token-file",
    "metrics-auth",
    "prices-file",
    "basin-domain",
    "init-file",
    "locations-file",
    "quotas-file",
    "tls-cert",
    "tls-key",
    "tls-self",
    "no-cors",
    "insecure-open",
    "log-level",
  ];
  for (const flag of flags) {
    assert.ok(stdout.includes(`--${flag}`), flag);
    assert.ok(stdout.includes(`TAILRACE_${flag.toUpperCase().replaceAll("-", "_")}`), flag);
  }
});

test("what was compiled is kept for the next start, unless that is switched off", () => {
  for (const [variables, isKept] of [
    [{}, true],
    [{ NODE_DISABLE_COMPILE_CACHE: "1" }, false],
  ] as const) {
    const directory = join(temporary, `compiled-${isKept}`);
    const env = { ...process.env, NODE_COMPILE_CACHE: "", ...variables, TMPDIR: directory };
    mkdirSync(directory);
    const result = spawnSync(process.execPath, [LAUNCHER, "--version"], { encoding: "utf8", timeout: 20_000, env });
    assert.equal(result.status, 0, result.stderr);
    assert.equal(existsSync(join(directory, "node-compile-cache")), isKept);
  }
});

test("what cannot work is refused in one sentence with a code of its own", async () => {
  refused(ExitCode.usage, /HOST:PORT/, "--listen", "nowhere");
  refused(ExitCode.usage, /file:DIR/, "--store", "ftp://x");
  refused(ExitCode.usage, /at least 16MiB/, "--memory", "lots");
  refused(ExitCode.usage, /refusing to listen on 0\.0\.0\.0/, "--listen", "0.0.0.0:0", "--store", "memory:");
  const prices = join(temporary, "prices.json");
  for (const wrong of ['{"storage":1}', '{"read_gib":"free"}', '{"read_gib":-1}', "[]", "{"]) {
    writeFileSync(prices, wrong);
    refused(ExitCode.usage, /the prices file .*prices\.json is wrong/, "--prices-file", prices, "--store", "memory:");
  }
  refused(ExitCode.usage, /cannot be read/, "--root-token-file", join(temporary, "none"), "--store", "memory:");
  const wrong = join(temporary, "wrong.json");
  writeFileSync(
    wrong,
    '{"basins":[{"name":"some-basin","config":{"default_stream_config":{"retention_policy":"7 dayz"}}}]}',
  );
  refused(ExitCode.usage, /basins\[0\].*retention_policy.*7 dayz/, "--init-file", wrong, "--store", "memory:");
  writeFileSync(wrong, '{"per_token":{"appends_per_second":0}}');
  refused(ExitCode.usage, /per_token\.appends_per_second/, "--quotas-file", wrong, "--store", "memory:");
  const other = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const address = other.address();
  assert.ok(typeof address === "object" && address !== null);
  refused(ExitCode.listen, /the port is in use/, "--listen", `127.0.0.1:${address.port}`, "--store", "memory:");
  other.close();
  const newer = join(temporary, "newer");
  mkdirSync(newer);
  writeFileSync(join(newer, "deployment.json"), '{"format":99}');
  refused(ExitCode.store, /format 99/, "--listen", "127.0.0.1:0", "--store", `file:${newer}`);
});

test("an init file is applied on every start", async () => {
  const init = join(temporary, "init.json");
  const write = (retention: string) =>
    writeFileSync(
      init,
      JSON.stringify({
        basins: [
          {
            name: "init-basin",
            config: {
              create_stream_on_append: true,
              default_stream_config: { delete_on_empty: { min_age: "1h 30m" } },
            },
            streams: [{ name: "made", config: { retention_policy: retention } }],
          },
        ],
      }),
    );
  for (const [retention, expected] of [
    ["7days", { age: 604_800 }],
    ["infinite", { infinite: {} }],
  ] as const) {
    write(retention);
    const server = await TailraceProcess.start({
      store: `file:${join(temporary, "init")}`,
      args: ["--init-file", init],
    });
    const http = new HttpClient(server.url);
    const config = JSON.parse(
      (await http.send("GET", "/v1/streams/made", { headers: { "s2-basin": "init-basin" } })).text,
    );
    assert.deepEqual(config.retention_policy, expected);
    assert.deepEqual(config.delete_on_empty, { min_age_secs: 5_400 });
    http.close();
    assert.equal(await server.stop(), 0);
  }
});

test("a locations file is applied and stored; one that basins contradict is refused", async () => {
  const file = join(temporary, "locations.json");
  const store = `file:${join(temporary, "located")}`;
  const write = (name: string) =>
    writeFileSync(
      file,
      JSON.stringify({ locations: [{ name, is_private: true, storage_classes: { bulk: { linger_ms: 20 } } }] }),
    );
  const expected = [{ name: "attic", is_private: true, storage_classes: ["bulk"], default_storage_class: "bulk" }];
  write("attic");
  for (const args of [["--locations-file", file], []]) {
    const server = await TailraceProcess.start({ store, args });
    const http = new HttpClient(server.url);
    assert.deepEqual(JSON.parse((await http.send("GET", "/v1/locations")).text), expected);
    const made = await http.send("PUT", "/v1/basins/attic-basin");
    assert.equal(JSON.parse(made.text).location, "attic");
    http.close();
    assert.equal(await server.stop(), 0);
  }
  write("cellar");
  refused(
    ExitCode.usage,
    /"attic-basin" needs location "attic"/,
    "--listen",
    "127.0.0.1:0",
    "--store",
    store,
    "--locations-file",
    file,
  );
  writeFileSync(file, '{"locations":[{"name":"x","storage_classes":{"slow":{"linger_ms":60000}}}]}');
  refused(
    ExitCode.usage,
    /locations\[0\]\.storage_classes\.slow\.linger_ms/,
    "--store",
    "memory:",
    "--locations-file",
    file,
  );
});

test("SIGTERM ends sessions and exits 0 within seconds; what was written is there at the next start", async () => {
  const store = `file:${join(temporary, "stop")}`;
  const server = await TailraceProcess.start({ store });
  const s2 = (url: string) =>
    new S2({ accessToken: "any", endpoints: new S2Endpoints({ account: url, basin: url }), retry: { maxAttempts: 1 } });
  await s2(server.url).basins.create({ basin: "stop-basin" });
  await s2(server.url).basin("stop-basin").streams.create({ stream: "s" });
  const stream = s2(server.url).basin("stop-basin").stream("s");
  await stream.append(AppendInput.create([AppendRecord.string({ body: "kept" })]));
  const reader = await stream.readSession({ start: { from: { seqNum: 0 } } });
  const first = await reader[Symbol.asyncIterator]().next();
  assert.equal(first.value?.body, "kept");
  const startedMs = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - startedMs < 8_000);
  await stream.close().catch(() => undefined);
  const again = await TailraceProcess.start({ store });
  const batch = await s2(again.url)
    .basin("stop-basin")
    .stream("s")
    .read({ start: { from: { seqNum: 0 } } });
  assert.deepEqual(
    batch.records.map((record) => record.body),
    ["kept"],
  );
  assert.equal(await again.stop(), 0);
});

test("the root token comes from a file or the environment, and SIGHUP reads the file again", async () => {
  const file = join(temporary, "root-token");
  writeFileSync(file, "first\n");
  const store = `file:${join(temporary, "rooted")}`;
  const s2 = (url: string, accessToken: string) =>
    new S2({ accessToken, endpoints: new S2Endpoints({ account: url, basin: url }), retry: { maxAttempts: 1 } });
  const lists = (url: string, token: string) =>
    s2(url, token)
      .basins.list()
      .then(
        () => true,
        () => false,
      );
  const server = await TailraceProcess.start({ store, args: ["--root-token-file", file, "--log-level", "info"] });
  assert.ok(!server.output.includes("first"));
  const { accessToken } = await s2(server.url, "first").accessTokens.issue({
    id: "t",
    scope: { ops: ["list-basins"] },
  });
  writeFileSync(file, "second\n");
  const reread = server.says(/the root token was read again/);
  server.signal("SIGHUP");
  await reread;
  assert.deepEqual(await Promise.all(["first", "second", accessToken].map((token) => lists(server.url, token))), [
    false,
    true,
    true,
  ]);
  assert.match(server.output, /"audit":\{"who":"root","operation":"issue-access-token"/);
  for (const secret of ["second", accessToken]) assert.ok(!server.output.includes(secret));
  assert.equal(await server.stop(), 0);
  const again = await TailraceProcess.start({ store, env: { TAILRACE_ROOT_TOKEN: "third" } });
  assert.deepEqual(await Promise.all(["second", "third", accessToken].map((token) => lists(again.url, token))), [
    false,
    true,
    true,
  ]);
  assert.equal(await again.stop(), 0);
});

test("the launcher passes signals and the exit code on, and --tls-self serves HTTPS", async () => {
  const { spawn } = await import("node:child_process");
  const child = spawn(
    process.execPath,
    [LAUNCHER, "serve", "--listen", "127.0.0.1:0", "--store", "memory:", "--tls-self"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const url = await new Promise<string>((resolve) => {
    let text = "";
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      const match = /listens on (https:\/\/\S+)/.exec(text);
      if (match !== null) resolve(match[1]);
    });
  });
  const { connect } = await import("node:http2");
  const session = connect(url, { rejectUnauthorized: false });
  const status = await new Promise<unknown>((resolve, reject) => {
    session.on("error", reject);
    session.request({ ":path": "/health" }).on("response", (headers) => resolve(headers[":status"]));
  });
  assert.equal(status, 200);
  session.destroy();
  child.kill("SIGTERM");
  assert.equal(await new Promise((resolve) => child.on("exit", resolve)), 0);
});

test("a stop that the store does not let through says so in one sentence, and is no clean one", async () => {
  const directory = join(temporary, "taken-away");
  const server = await TailraceProcess.start({ store: `file:${directory}` });
  rmSync(directory, { recursive: true });
  assert.equal(await server.stop(), ExitCode.failure);
  const said = server.output.split("\n").filter((line) => line.startsWith("tailrace: "));
  assert.equal(said.length, 1, server.output);
  assert.match(said[0], /the object store did not take the /);
  assert.ok(!/^ +at /m.test(server.output), server.output);
});

test("durations are read as people write them", () => {
  const cases: [string, number | undefined][] = [
    ["7days", 604_800],
    ["1h 30m", 5_400],
    ["90s", 90],
    ["2w", 1_209_600],
    ["", undefined],
    ["7", undefined],
    ["300000000y", undefined],
    ["7 dayz", undefined],
    ["x7days", undefined],
  ];
  for (const [text, secs] of cases) assert.equal(parseDurationSecs(text), secs, text);
});

test("the version is that of the package", () => {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, "../package.json"), "utf8"));
  assert.equal(run("--version").stdout.trim(), version);
});
