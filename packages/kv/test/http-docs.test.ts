// docs/kv.md's half on HTTP: its examples run as they stand, against the real process, and its table of errors is of this build.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { ERROR_STATUSES } from "../src/http/errors.ts";
import { httpUrlOf, isInstalled, startKv } from "./support.ts";

const text = readFileSync(join(import.meta.dirname, "../../../docs/kv.md"), "utf8");
const section = text.slice(text.indexOf("## HTTP"), text.indexOf("## Commands"));

test("the table of errors is of this build", () => {
  const rows = section.split("\n").filter((line) => /^\| \d{3} /.test(line));
  const named = rows.flatMap((row) => {
    const [, status, codes] = row.split("|");
    return [...codes.matchAll(/`([a-z_]+)`/g)].map(([, code]) => [code, Number(status)]);
  });
  assert.deepEqual(Object.fromEntries(named), ERROR_STATUSES);
});

test("the examples do what they say", { skip: !isInstalled("curl") && "curl is not installed" }, async () => {
  const kv = await startKv({ store: "memory:", args: ["--listen", "127.0.0.1:0"] });
  try {
    const [, example] = /<!-- these run[^\n]*-->\s*```sh\n([\s\S]*?)```/.exec(section) ?? [];
    const lines = example.replace("http://127.0.0.1:8080", httpUrlOf(kv));
    assert.notEqual(lines, example);
    // A watch is cut off by curl's own time limit.
    const curl = `curl() { command curl -sS -w '\\n#status %{http_code}\\n' "$@" || [ $? = 28 ]; }`;
    const { stdout } = await promisify(execFile)("bash", ["-ec", `${curl}\n${lines}`]);
    const parts = stdout.split(/\n#status ([0-9]{3})\n/);
    const answers = [];
    for (let i = 0; i + 1 < parts.length; i += 2) answers.push({ status: Number(parts[i + 1]), body: parts[i] });
    assert.equal(answers.length, 11);
    for (const { status, body } of answers) assert.equal(status, 200, body);
    const [, got, , , page, history, transaction, watch, deleted, , demo] = answers.map(({ body }) => body);
    assert.equal(got, "hello");
    assert.equal(JSON.parse(page).keys[0].value, "gone in a minute");
    assert.equal(JSON.parse(history).changes[0].value, "hello");
    assert.equal(JSON.parse(transaction).succeeded, true);
    assert.match(watch, /event: ready[\s\S]*"value":"hello"[\s\S]*"value":"hi"/);
    assert.equal(JSON.parse(deleted).deleted, true);
    assert.match(demo, /^\{"Ok":\[\{"end":\d+\},\{"Map":\{"k":\{"UInt":1\}\}\}\]\}$/);
  } finally {
    await kv.kill();
  }
});
