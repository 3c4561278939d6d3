// What is picked at random follows from what is there, whatever was there before.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ScanOrder } from "./scan-order.ts";

class Items {
  readonly ordinals = new Map<string, number>();
  readonly order = new ScanOrder((item) => this.ordinals.get(item));

  add(item: string): void {
    if (!this.ordinals.has(item)) this.ordinals.set(item, this.order.add(item));
  }

  remove(item: string): void {
    if (this.ordinals.delete(item)) this.order.removed();
  }

  /** As after a restart from a snapshot. */
  copy(): Items {
    const copied = new Items();
    for (const [item, ordinal] of [...this.ordinals].sort(([, a], [, b]) => a - b)) {
      copied.ordinals.set(item, ordinal);
      copied.order.load(item, ordinal);
    }
    return copied;
  }
}

const change = fc.record({ adds: fc.boolean(), item: fc.nat(30).map(String) });

test("copies pick alike, and only what is there", () => {
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 100 }),
      fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })),
      (changes, fractions) => {
        const items = new Items();
        for (const { adds, item } of changes) {
          if (adds) items.add(item);
          else items.remove(item);
          for (const fraction of fractions.slice(0, 2)) items.order.pick(fraction);
        }
        const copied = items.copy();
        for (const fraction of fractions) {
          const picked = items.order.pick(fraction);
          assert.equal(copied.order.pick(fraction), picked);
          assert.equal(picked === undefined, items.ordinals.size === 0);
          if (picked !== undefined) assert.ok(items.ordinals.has(picked));
        }
      },
    ),
  );
});

test("all are picked about as often, also where half are gone", () => {
  const items = new Items();
  for (let i = 0; i < 100; i += 1) items.add(String(i));
  for (let i = 0; i < 100; i += 1) if (i % 10 < 5) items.remove(String(i));
  const picks = new Map<string, number>();
  const rounds = 100_000;
  for (let i = 0; i < rounds; i += 1) {
    const picked = items.order.pick((i * 0.618_033_988_75) % 1) ?? "";
    picks.set(picked, (picks.get(picked) ?? 0) + 1);
  }
  assert.equal(picks.size, 50);
  for (const count of picks.values()) assert.ok(Math.abs(count / (rounds / 50) - 1) < 0.2, `${count}`);
});
