import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Deque } from "./deque.ts";

const action = fc.record({
  do: fc.constantFrom("pushBack", "pushFront", "popBack", "popFront", "insert", "set"),
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  item: fc.string({ maxLength: 4 }),
});

test("a deque is an array", () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { maxLength: 40 }), fc.array(action, { maxLength: 200 }), (items, actions) => {
      const deque = new Deque(items);
      const model = [...items];
      for (const { do: what, place, item } of actions) {
        const at = Math.floor(place * model.length);
        if (what === "popBack") {
          assert.equal(deque.popBack(), model.pop());
        } else if (what === "popFront") {
          assert.equal(deque.popFront(), model.shift());
        } else if (what === "pushBack") {
          deque.pushBack(item);
          model.push(item);
        } else if (what === "pushFront") {
          deque.pushFront(item);
          model.unshift(item);
        } else if (what === "insert") {
          deque.insert(at, item);
          model.splice(at, 0, item);
        } else if (at < model.length) {
          deque.set(at, item);
          model[at] = item;
        }
        assert.equal(deque.length, model.length);
      }
      assert.deepEqual(deque.slice(), model);
      assert.deepEqual(deque.slice(1, model.length - 1), model.slice(1, Math.max(1, model.length - 1)));
      for (let i = 0; i < model.length; i += 1) assert.equal(deque.at(i), model[i]);
    }),
    { numRuns: 500 },
  );
});
