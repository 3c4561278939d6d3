// Every option of `serve`, as a flag and as a variable: both mean the same.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { readSwitches, type ServeOptions, serveCommand } from "../src/options.ts";

const VARIABLES = Object.keys(process.env).filter((name) => name.startsWith("TAILRACE_"));
afterEach(() => {
  for (const name of Object.keys(process.env))
    if (name.startsWith("TAILRACE_") && !VARIABLES.includes(name)) delete process.env[name];
});

async function parse(args: string[], variables: Record<string, string> = {}): Promise<ServeOptions> {
  let parsed: ServeOptions | undefined;
  const command = serveCommand(async (options) => {
    parsed = options;
  }).exitOverride();
  command.configureOutput({ writeErr: () => undefined });
  Object.assign(process.env, variables);
  readSwitches(command, process.env);
  await command.parseAsync(["node", "tailrace", ...args]);
  assert.ok(parsed !== undefined);
  return parsed;
}

const VALUES: Record<string, string> = {
  listen: "[::1]:9090",
  store: "s3://bucket/prefix",
  "root-token-file": "/a/token",
  "init-file": "/an/init.json",
  "tls-cert": "/a/cert",
  "tls-key": "/a/key",
  memory: "512MiB",
  "cache-dir": "/a/cache",
  "cache-size": "1GiB",
  "wal-store": "file:/a/log",
  "prices-file": "/some/prices.json",
  "basin-domain": "streams.example",
  "locations-file": "/some/locations.json",
  "quotas-file": "/some/quotas.json",
  "s3-sse": "AES256",
  "log-level": "debug",
};
const SWITCHES = ["tls-self", "no-cors", "insecure-open", "metrics-auth"];

const variable = (flag: string) => `TAILRACE_${flag.toUpperCase().replaceAll("-", "_")}`;

test("each option is a flag and a variable, and these are all", async () => {
  const defaults = await parse([]);
  for (const [flag, value] of Object.entries(VALUES)) {
    const byFlag = await parse([`--${flag}`, value]);
    assert.notDeepEqual(byFlag, defaults, flag);
    assert.deepEqual(await parse([], { [variable(flag)]: value }), byFlag, flag);
    delete process.env[variable(flag)];
  }
  for (const flag of SWITCHES) {
    const byFlag = await parse([`--${flag}`]);
    assert.notDeepEqual(byFlag, defaults, flag);
    for (const on of ["1", "true", "yes", "on", "TRUE"])
      assert.deepEqual(await parse([], { [variable(flag)]: on }), byFlag, `${flag}=${on}`);
    for (const off of ["0", "false", "no", "off", ""])
      assert.deepEqual(await parse([], { [variable(flag)]: off }), defaults, `${flag}=${off}`);
    await assert.rejects(parse([], { [variable(flag)]: "perhaps" }), /TAILRACE_/);
    delete process.env[variable(flag)];
  }
  const known = serveCommand(async () => undefined).options.map((option) => option.long?.slice(2));
  assert.deepEqual(known.toSorted(), [...Object.keys(VALUES), ...SWITCHES].toSorted());
});

test("a flag outweighs its variable", async () => {
  assert.equal((await parse(["--store", "memory:"], { TAILRACE_STORE: "file:/elsewhere" })).store, "memory:");
});
