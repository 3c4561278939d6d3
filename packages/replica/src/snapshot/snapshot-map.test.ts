import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SnapshotMap } from "./snapshot-map.ts";

const key = fc.nat(7);
const step = fc.oneof(
  fc.record({ do: fc.constant("set" as const), key, value: fc.option(fc.nat(99), { nil: undefined }) }),
  fc.record({ do: fc.constant("delete" as const), key }),
  fc.record({ do: fc.constant("freeze" as const) }),
  fc.record({ do: fc.constant("take" as const), which: fc.nat(3) }),
  fc.record({ do: fc.constant("leave" as const), which: fc.nat(3) }),
);

test("what is frozen is as it was, whatever happens meanwhile and however many are frozen at once", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const map = new SnapshotMap<number, number | undefined>();
      const model = new Map<number, number | undefined>();
      const frozen: { expected: unknown[]; seen: unknown[]; left: Iterator<unknown> }[] = [];
      for (const each of steps) {
        if (each.do === "set") {
          map.set(each.key, each.value);
          model.set(each.key, each.value);
        } else if (each.do === "delete") assert.equal(map.delete(each.key), model.delete(each.key));
        else if (each.do === "freeze") frozen.push({ expected: [...model], seen: [], left: map.freeze() });
        else if (each.do === "leave") frozen.splice(each.which, 1)[0]?.left.return?.();
        else {
          const taking = frozen[each.which];
          const { done, value } = taking?.left.next() ?? { done: true, value: undefined };
          if (done !== true) taking.seen.push(value);
        }
        assert.deepEqual([...map], [...model]);
        assert.equal(map.size, model.size);
      }
      for (const { expected, seen, left } of frozen) {
        for (let item = left.next(); item.done !== true; item = left.next()) seen.push(item.value);
        assert.deepEqual(seen, expected);
      }
    }),
  );
});
