// The examples of docs/replica.md do what they say: each is a file here, and stands there word for word.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { S2 } from "@s2-dev/streamstore";
import { DeposedError } from "../src/index.ts";
import { count } from "./examples/counter.ts";
import { serve } from "./examples/lock.ts";
import { RealLog } from "./support.ts";

const guide = readFileSync(join(import.meta.dirname, "../../../docs/replica.md"), "utf8");

let real: RealLog;
let url: string;
before(async () => {
  real = await RealLog.start();
  const proxy = await real.proxy();
  url = proxy.url;
  await new S2(real.client(proxy)).basins.create({ basin: "my-first-basin" });
});
after(() => real.stop());

function isInTheGuide(file: string): void {
  const text = readFileSync(join(import.meta.dirname, "examples", file), "utf8");
  assert.ok(guide.includes(`\`\`\`ts\n${text}\`\`\``), `${file} is not in docs/replica.md as it is`);
}

test("the counter counts", async () => {
  isInTheGuide("counter.ts");
  assert.equal(await count(url), 3);
  assert.equal(await count(url), 6);
});

test("the lock service has one leader, and the next one goes on where it ended", async () => {
  isInTheGuide("lock.ts");
  const first = await serve(url, "first");
  assert.equal(await first.acquire("door", "alice"), true);
  assert.equal(await first.acquire("door", "bob"), false);
  const next = serve(url, "second");
  await first.stop();
  const second = await next;
  await assert.rejects(first.acquire("door", "bob"), DeposedError);
  assert.equal(await second.holder("door"), "alice");
  assert.equal(await second.release("door", "alice"), true);
  assert.equal(await second.acquire("door", "bob"), true);
  await second.stop();
});
