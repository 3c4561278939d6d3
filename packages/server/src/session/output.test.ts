// Clients that take what is written to them slowly, or not at all, in virtual time.
import assert from "node:assert/strict";
import { Writable } from "node:stream";
import { test } from "node:test";
import { VirtualRuntime } from "@tailrace/engine/runtime";
import { FairShare } from "./fair-share.ts";
import { StreamOutput } from "./output.ts";

const MIB = 1024 * 1024;

function setup() {
  const runtime = new VirtualRuntime({ seed: 1 });
  let take = () => {};
  const stream = new Writable({
    write(_chunk, _encoding, taken) {
      take = taken;
    },
  });
  let dropped = false;
  const output = new StreamOutput(stream, runtime, new FairShare(), () => {
    dropped = true;
    stream.destroy();
  });
  return { runtime, output, take: () => take(), dropped: () => dropped };
}

test("who takes nothing of a little is dropped after a minute", async () => {
  const { runtime, output, dropped } = setup();
  void output.write([Buffer.alloc(100_000)]);
  await runtime.advance(60_000);
  assert.equal(dropped(), false);
  await runtime.advance(30_000);
  assert.equal(dropped(), true);
  assert.equal(output.closed, true);
});

test("who takes much slowly is not dropped as long as it takes at least a few KiB a second", async () => {
  const { runtime, output, take, dropped } = setup();
  for (let i = 0; i < 3; i += 1) {
    const taken = output.write([Buffer.alloc(MIB)]);
    await runtime.advance(250_000);
    assert.equal(dropped(), false);
    take();
    await runtime.until(taken ?? Promise.resolve());
  }
  void output.write([Buffer.alloc(MIB)]);
  await runtime.advance(400_000);
  assert.equal(dropped(), true);
});
