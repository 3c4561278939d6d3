// What tests of everything else rely on: virtual time passes in order and only when told, and a seed decides all chances.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualRuntime } from "./virtual.ts";

describe("VirtualRuntime", () => {
  it("fires timers in order of due time, then of setting, each at its own time", async () => {
    const runtime = new VirtualRuntime({ seed: 1 });
    const fired: string[] = [];
    const note = (name: string) => () => fired.push(`${name}@${runtime.clock.monotonicMs()}`);
    runtime.timers.set(20, note("c"));
    runtime.timers.set(10, note("a"));
    runtime.timers.set(10, note("b"));
    runtime.timers.set(31, note("late"));
    await runtime.advance(30);
    assert.deepEqual(fired, ["a@10", "b@10", "c@20"]);
    assert.equal(runtime.clock.monotonicMs(), 30);
    assert.equal(runtime.pendingTimers, 1);
  });

  it("lets promise jobs and immediates run between two timers, and sees timers that they set", async () => {
    const runtime = new VirtualRuntime({ seed: 1 });
    const order: string[] = [];
    runtime.timers.set(10, () => {
      void Promise.resolve()
        .then(() => Promise.resolve())
        .then(() => {
          order.push("job");
          runtime.timers.immediate(() => {
            order.push("immediate");
            runtime.timers.set(5, () => order.push(`inner@${runtime.clock.monotonicMs()}`));
          });
        });
    });
    runtime.timers.set(12, () => order.push("second"));
    await runtime.advance(20);
    assert.deepEqual(order, ["job", "immediate", "second", "inner@15"]);
  });

  it("forgets a timer that was cleared", async () => {
    const runtime = new VirtualRuntime({ seed: 1 });
    const timer = runtime.timers.set(10, () => assert.fail("cleared"));
    runtime.timers.clear(timer);
    await runtime.advance(100);
    assert.equal(runtime.pendingTimers, 0);
  });

  it("settles without time passing", async () => {
    const runtime = new VirtualRuntime({ seed: 1 });
    let ran = false;
    runtime.timers.set(0, () => assert.fail("no timer fires"));
    runtime.timers.immediate(() => {
      ran = true;
    });
    await runtime.settle();
    assert.ok(ran);
    assert.equal(runtime.clock.monotonicMs(), 0);
  });

  it("jumps the wall clock apart from the monotonic one", async () => {
    const runtime = new VirtualRuntime({ seed: 1, wallMs: 1000 });
    await runtime.advance(5);
    runtime.jumpWallClock(-600);
    assert.equal(runtime.clock.wallMs(), 405);
    assert.equal(runtime.clock.monotonicMs(), 5);
    await runtime.advance(5);
    assert.equal(runtime.clock.wallMs(), 410);
  });

  it("passes time until a promise settles, and says so when nothing can settle it", async () => {
    const runtime = new VirtualRuntime({ seed: 1 });
    const slept = new Promise<number>((resolve) => {
      runtime.timers.set(1000, () => runtime.timers.set(500, () => resolve(runtime.clock.monotonicMs())));
    });
    assert.equal(await runtime.until(slept), 1500);
    await assert.rejects(runtime.until(new Promise(() => undefined)), /still pending/);
  });

  it("fires timers that timers set for the same instant", async () => {
    const runtime = new VirtualRuntime({ seed: 1 });
    let fired = 0;
    const again = () => {
      if (++fired < 4) runtime.timers.set(0, again);
    };
    runtime.timers.set(0, again);
    await runtime.advance(0);
    assert.equal(fired, 4);
    assert.equal(runtime.pendingTimers, 0);
  });

  it("repeats its chances for the same seed, and not for another", () => {
    const draw = (seed: number) => {
      const { random } = new VirtualRuntime({ seed });
      return [...random.bytes(16), random.fraction()];
    };
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
    const { random } = new VirtualRuntime({ seed: 3 });
    const fractions = Array.from({ length: 1000 }, () => random.fraction());
    assert.ok(fractions.every((f) => f >= 0 && f < 1));
    const mean = fractions.reduce((sum, f) => sum + f, 0) / fractions.length;
    assert.ok(mean > 0.45 && mean < 0.55, `mean ${mean}`);
  });
});
