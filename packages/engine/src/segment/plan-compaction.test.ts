// Whatever is flushed and dies in whatever order: planning comes to an end, segments stay few, and no byte is rewritten often.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type CompactionLimits, type PlannedSegment, planCompaction } from "./plan-compaction.ts";

const LIMITS: CompactionLimits = { fanIn: 4, mergedBytes: 1_000, deadBytes: 50, inputs: 64 };
const SMALLEST = 10;

/** A segment, how often any byte of it was rewritten, and the flushes that it holds, in order. */
interface Simulated extends PlannedSegment {
  readonly rewrites: number;
  readonly flushes: readonly number[];
}

class Shard {
  segments: Simulated[] = [];
  #next = 0;
  rewrittenBytes = 0;
  deadBytes = 0;
  steps = 0;

  flush(bytes: number, hides = false): void {
    const number = this.#next++;
    const isNeeded = true;
    this.segments.push({ number, bytes, liveBytes: bytes, level: 0, isNeeded, hides, rewrites: 0, flushes: [number] });
  }

  /** A part of what is live in one of them dies. */
  die(which: number, part: number): void {
    const at = Math.min(this.segments.length - 1, Math.floor(which * this.segments.length));
    if (at < 0) return;
    const segment = this.segments[at];
    const liveBytes = part === 1 ? 0 : Math.floor(segment.liveBytes * (1 - part));
    this.deadBytes += segment.liveBytes - liveBytes;
    this.segments[at] = { ...segment, liveBytes, isNeeded: liveBytes > 0 };
  }

  /** Does what is to be done, and at rest what is to be done then. */
  settle(isAtRest = false): void {
    const limits = LIMITS;
    const next = () =>
      planCompaction(this.segments, limits) ?? (isAtRest ? planCompaction(this.segments, limits, true) : undefined);
    for (let step = next(); step !== undefined; step = next()) {
      assert.ok(++this.steps < 100_000, "it does not come to an end");
      const taken = new Set(step.segments);
      const inputs = this.segments.filter(({ number }) => taken.has(number));
      assert.ok(inputs.length === step.segments.length && inputs.length > 0);
      const at = this.segments.indexOf(inputs[0]);
      if (step.kind === "drop") {
        for (const input of inputs) {
          const older = this.segments.slice(0, this.segments.indexOf(input)).filter(({ number }) => !taken.has(number));
          assert.ok(!input.isNeeded && (!input.hides || older.length === 0));
        }
      } else {
        assert.deepEqual(this.segments.slice(at, at + inputs.length), inputs, "they stand side by side");
        assert.ok(inputs.length <= limits.inputs);
      }
      const rest = this.segments.filter(({ number }) => !taken.has(number));
      if (step.kind === "merge") rest.splice(at, 0, this.#merged(inputs, step.level, at === 0, limits));
      this.segments = rest;
    }
  }

  #merged(inputs: readonly Simulated[], level: number, isOldest: boolean, limits: CompactionLimits): Simulated {
    const bytes = inputs.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
    if (inputs.length > 1) {
      assert.ok(bytes <= limits.mergedBytes, `${bytes} bytes are too many`);
      for (const input of inputs) assert.ok(input.liveBytes <= limits.mergedBytes / 2, "what is large is left alone");
    } else assert.ok(inputs[0].liveBytes <= inputs[0].bytes / 2, "what is mostly live is left alone");
    this.rewrittenBytes += bytes;
    return {
      number: this.#next++,
      bytes,
      liveBytes: bytes,
      level,
      isNeeded: inputs.some(({ isNeeded }) => isNeeded),
      hides: !isOldest && inputs.some(({ hides }) => hides),
      rewrites: Math.max(...inputs.map(({ rewrites }) => rewrites)) + 1,
      flushes: inputs.flatMap(({ flushes }) => flushes),
    };
  }

  get liveBytes(): number {
    return this.segments.reduce((sum, { liveBytes }) => sum + liveBytes, 0);
  }

  get large(): number {
    return this.segments.filter(({ liveBytes }) => liveBytes > LIMITS.mergedBytes / 2).length;
  }
}

/** Levels that what is not large can have, when every flush has so many bytes at least. */
const LEVELS = Math.floor(Math.log(LIMITS.mergedBytes / 2 / SMALLEST) / Math.log(LIMITS.fanIn)) + 1;

/** Those that it can have when two of a level are merged at rest. */
const REST_LEVELS = Math.floor(Math.log2(LIMITS.mergedBytes / 2 / SMALLEST)) + 1;

const size = fc.oneof(
  fc.integer({ min: SMALLEST, max: 2 * SMALLEST }),
  fc.integer({ min: SMALLEST, max: 300 }),
  fc.integer({ min: SMALLEST, max: 1_500 }),
);

test("while nothing dies, segments are few, in their order, and every byte is rewritten once a level, and once more", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(size, fc.boolean()), { maxLength: 300 }), (flushes) => {
      const shard = new Shard();
      let flushed = 0;
      for (const [bytes, waits] of flushes) {
        shard.flush(bytes);
        flushed += bytes;
        if (waits) continue;
        shard.settle();
        const { segments, large, liveBytes } = shard;
        assert.ok(segments.length <= 2 * large + (LIMITS.fanIn - 1) * LEVELS, `${segments.length} segments`);
        assert.ok(large <= (2 * liveBytes) / LIMITS.mergedBytes);
        for (const { rewrites } of segments) assert.ok(rewrites <= LEVELS + 1, `rewritten ${rewrites} times`);
      }
      assert.deepEqual(
        shard.segments.flatMap(({ flushes }) => flushes),
        [...shard.segments.flatMap(({ flushes }) => flushes)].sort((a, b) => a - b),
      );
      assert.ok(shard.rewrittenBytes <= (LEVELS + 1) * flushed);
    }),
    { numRuns: 200 },
  );
});

test("at rest one segment of a level is left, and a byte is rewritten once for each time that what it is in has doubled", () => {
  const then = fc.constantFrom("waits" as const, "settles" as const, "rests" as const);
  fc.assert(
    fc.property(fc.array(fc.tuple(size, then), { maxLength: 300 }), (flushes) => {
      const shard = new Shard();
      for (const [bytes, what] of flushes) {
        shard.flush(bytes);
        if (what !== "waits") shard.settle(what === "rests");
        const { segments, large } = shard;
        if (what === "rests") assert.ok(segments.length <= 2 * large + REST_LEVELS, `${segments.length} segments`);
        for (const { rewrites } of segments) assert.ok(rewrites <= REST_LEVELS + 1, `rewritten ${rewrites} times`);
      }
    }),
    { numRuns: 200 },
  );
});

const step = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("flush" as const), bytes: size, hides: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("die" as const),
      which: fc.double({ min: 0, max: 1, noNaN: true }),
      part: fc.oneof(fc.constant(1), fc.double({ min: 0, max: 1, noNaN: true })),
    }),
  },
);

test("whatever dies, at most half of what is stored is dead, but for little; all that is rewritten is paid for; and in the end nothing is left", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const shard = new Shard();
      let flushed = 0;
      for (const each of steps) {
        if (each.kind === "flush") {
          shard.flush(each.bytes, each.hides);
          flushed += each.bytes;
        } else shard.die(each.which, each.part);
        shard.settle();
        for (const { bytes, liveBytes } of shard.segments)
          assert.ok(bytes - liveBytes < Math.max(LIMITS.deadBytes, bytes / 2), `${liveBytes} of ${bytes} are live`);
        assert.ok(shard.segments.length <= 2 * shard.large + 1 + (LIMITS.fanIn - 1) * (LEVELS + 4));
      }
      // Each byte on its way up, and, for every byte that dies, two of those that it made room beside.
      assert.ok(shard.rewrittenBytes <= (LEVELS + 1) * flushed + 2 * shard.deadBytes);
      for (let i = 0; i < shard.segments.length; i += 1) {
        const all = shard.segments.map((segment) => ({ ...segment, liveBytes: 0, isNeeded: false }));
        shard.segments = all;
      }
      shard.settle();
      assert.deepEqual(shard.segments, []);
    }),
    { numRuns: 300 },
  );
});

test("what is not needed but hides what an older one says goes with it, or after it", () => {
  const segment = (number: number, isNeeded: boolean, hides: boolean): PlannedSegment => ({
    number,
    bytes: 900,
    liveBytes: isNeeded ? 900 : 0,
    level: 0,
    isNeeded,
    hides,
  });
  const drop = (...segments: PlannedSegment[]) => {
    const planned = planCompaction(segments, { ...LIMITS, deadBytes: 1_000 });
    return planned?.kind === "drop" ? planned.segments : [];
  };
  assert.deepEqual(drop(segment(1, true, false), segment(2, false, true)), []);
  assert.deepEqual(drop(segment(1, true, false), segment(2, false, false)), [2]);
  assert.deepEqual(drop(segment(1, false, false), segment(2, false, true), segment(3, true, true)), [1, 2]);
});
