// Leadership and transactions over a real server: its fencing and its conditions are what makes them safe.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { DeposedError, Replica } from "../src/index.ts";
import { fenceEntry } from "../src/log/log.ts";
import { type Ledger, ledger } from "../src/testing/ledger.ts";
import { RealLog } from "./support.ts";

let real: RealLog;
before(async () => {
  real = await RealLog.start();
});
after(() => real.stop());

const ids = (state: Ledger) => [...state.ids];
const single = () => ({ ...ledger(), singleWriter: true });
const PATIENCE = { proposalTimeoutMs: 60_000, readTimeoutMs: 60_000 };

test("a deposed leader can write nothing: what is on its way and what it still sends is refused, for certain", async () => {
  const one = await Replica.open(single(), { log: await real.log("deposed"), ...PATIENCE });
  const leadership = await one.lead({ holder: "one", leaseMs: 60_000 });
  const outcomes = new Map<number, boolean>();
  let over = false;
  const lanes = Array.from({ length: 8 }, async (_, lane) => {
    for (let i = 0; !over; i += 1) {
      const id = lane * 1_000_000 + i;
      await leadership.propose({ id }).then(
        () => void outcomes.set(id, true),
        (error: unknown) => {
          assert.ok(error instanceof DeposedError, String(error));
          outcomes.set(id, false);
          over = true;
        },
      );
    }
  });
  while (outcomes.size < 200) await one.read(() => undefined);
  const other = await real.log("deposed");
  const { start } = await other.append({ entries: [fenceEntry("other")] });
  await Promise.all(lanes);
  assert.ok((await leadership.lost) instanceof DeposedError);
  assert.equal(await other.checkTail(), start + 1);
  const fresh = await Replica.open(single(), { log: other, ...PATIENCE });
  const state = new Set(await fresh.read(ids));
  for (const [id, applied] of outcomes) assert.equal(state.has(id), applied);
  await Promise.all([one.close(), fresh.close()]);
});

test("of several candidates one leads; killed servers and restarts depose nobody who renews in time", async () => {
  const [one, two] = [
    await Replica.open(single(), { log: await real.log("elected"), ...PATIENCE }),
    await Replica.open(single(), { log: await real.log("elected"), ...PATIENCE }),
  ];
  const waits = [one, two].map((replica, i) => replica.lead({ holder: `${i}`, leaseMs: 15_000 }));
  const first = await Promise.race(waits);
  await first.propose({ id: 1 });
  await real.restart();
  await first.propose({ id: 2 });
  assert.ok(first.held);
  await first.resign();
  const terms = await Promise.all(waits);
  const second = terms.find((term) => term !== first);
  await second?.propose({ id: 3 });
  assert.deepEqual(await one.read(ids), [1, 2, 3]);
  await Promise.all([one.close(), two.close()]);
});

test("transactions of several replicas lose no update", async () => {
  const replicas = [
    await Replica.open(ledger(), { log: await real.log("transactions"), ...PATIENCE }),
    await Replica.open(ledger(), { log: await real.log("transactions"), ...PATIENCE }),
  ];
  const transactions = Array.from({ length: 20 }, (_, i) =>
    replicas[i % 2].transact((state) => ({ id: state.ids.length }), { timeoutMs: 60_000 }),
  );
  await Promise.all(transactions);
  for (const replica of replicas) {
    assert.deepEqual(
      await replica.read(ids),
      transactions.map((_, i) => i),
    );
    await replica.close();
  }
});
