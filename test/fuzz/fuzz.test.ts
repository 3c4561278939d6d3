// A slice of fuzzing on every run: the whole corpus as it is, then mutations of it, from a fixed seed and from a fresh one.
// A failure prints the seed and the input; `npm run fuzz` looks longer, and keeps what it finds in the corpus.
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { TailraceProcess } from "../support/tailrace-process.ts";
import { corpusOf } from "./corpus.ts";
import { fuzzTarget, runOne, TARGETS } from "./decoders.ts";
import { PortFuzzer } from "./ports.ts";

const SLICE_MS = 300;
const PORTS_MS = 4_000;

for (const target of TARGETS) {
  test(`${target.name}: refuses or keeps its promises`, async (t) => {
    for (const input of corpusOf(target.name)) await runOne(target, input);
    for (const seed of [1, randomInt(2 ** 32)]) {
      t.diagnostic(`seed ${seed}: ${await fuzzTarget(target, seed, SLICE_MS)} inputs`);
    }
  });
}

test("the ports of a running server: it answers within its closed set, and keeps nothing", async (t) => {
  const server = await TailraceProcess.start({ store: "memory:" });
  t.after(() => server.kill());
  const ports = new PortFuzzer(server);
  await ports.prepare();
  const seed = randomInt(2 ** 32);
  t.diagnostic(`seed ${seed}: ${JSON.stringify(await ports.run(seed, PORTS_MS))}`);
  await ports.finish();
});
