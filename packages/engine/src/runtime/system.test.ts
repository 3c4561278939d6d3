// Both runtimes give the same answers where the world has no part in them: compression and its errors.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { type Compression, InflateError, type Runtime } from "./runtime.ts";
import { systemRuntime } from "./system.ts";
import { VirtualRuntime } from "./virtual.ts";

const RUNTIMES: readonly [string, Runtime][] = [
  ["system", systemRuntime],
  ["virtual", new VirtualRuntime({ seed: 1 })],
];
const COMPRESSIONS: readonly Compression[] = ["zstd", "gzip"];

for (const [name, runtime] of RUNTIMES) {
  describe(`${name} threads`, () => {
    for (const compression of COMPRESSIONS) {
      it(`round-trips ${compression}`, async () => {
        await fc.assert(
          fc.asyncProperty(fc.uint8Array({ maxLength: 5000 }), async (bytes) => {
            const packed = await runtime.threads.compress(compression, bytes);
            const unpacked = await runtime.threads.decompress(compression, packed, bytes.length);
            assert.deepEqual(new Uint8Array(unpacked), bytes);
          }),
          { numRuns: 30 },
        );
      });

      it(`refuses ${compression} that inflates to one byte too many, without inflating a bomb`, async () => {
        const pack = compression === "zstd" ? zstdCompressSync : gzipSync;
        const bomb = pack(Buffer.alloc(64 * 1024 * 1024));
        for (const [packed, limit] of [
          [pack(Buffer.alloc(101)), 100],
          [pack(Buffer.alloc(1)), 0],
          [bomb, 1024],
        ] as const) {
          await assert.rejects(runtime.threads.decompress(compression, packed, limit), inflateError("too-large"));
        }
        assert.equal((await runtime.threads.decompress(compression, pack(Buffer.alloc(100)), 100)).length, 100);
        assert.equal((await runtime.threads.decompress(compression, pack(Buffer.alloc(0)), 0)).length, 0);
      });

      it(`calls garbage and truncated ${compression} corrupt`, async () => {
        const packed = await runtime.threads.compress(compression, Buffer.from("some bytes, some bytes, some bytes"));
        for (const bad of [Buffer.from("not compressed at all"), packed.subarray(0, packed.length - 5)]) {
          await assert.rejects(runtime.threads.decompress(compression, bad, 1000), inflateError("corrupt"));
        }
      });
    }
  });
}

describe("systemRuntime", () => {
  it("fires a timer, not one that was cleared, and an immediate", async () => {
    const cleared = systemRuntime.timers.set(0, () => assert.fail("cleared"));
    systemRuntime.timers.clear(cleared);
    // A pending timer of ours keeps no process alive, so something else must.
    const alive = setInterval(() => undefined, 1000);
    const startMs = systemRuntime.clock.monotonicMs();
    await new Promise<void>((resolve) => systemRuntime.timers.set(5, resolve));
    clearInterval(alive);
    assert.ok(systemRuntime.clock.monotonicMs() - startMs >= 4);
    await new Promise<void>((resolve) => systemRuntime.timers.immediate(resolve));
  });

  it("draws bytes and fractions", () => {
    assert.equal(systemRuntime.random.bytes(16).length, 16);
    assert.notDeepEqual(systemRuntime.random.bytes(16), systemRuntime.random.bytes(16));
    for (let i = 0; i < 1000; i++) {
      const fraction = systemRuntime.random.fraction();
      assert.ok(fraction >= 0 && fraction < 1);
    }
  });
});

function inflateError(reason: InflateError["reason"]): (error: unknown) => boolean {
  return (error) => error instanceof InflateError && error.reason === reason;
}
