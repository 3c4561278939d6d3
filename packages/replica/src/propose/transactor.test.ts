// Optimistic transactions over a simulated log: decided on a state that is still the newest when they are appended, once.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CommandRejected, NotAppendedError, OutcomeUnknownError } from "../errors.ts";
import { Cluster } from "../testing/cluster.ts";
import { type Ledger, ledger } from "../testing/ledger.ts";

const ids = (state: Ledger) => [...state.ids];
/** Appends what follows from the whole state: a lost update would repeat a number. */
const following = ({ ids }: Ledger) => ({ id: ids.length });

test("a transaction is decided on the state it is applied to", async () => {
  const cluster = new Cluster();
  const [one, two] = [await cluster.open(ledger()), await cluster.open(ledger())];
  const transactions = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : two).transact(following));
  const results = await cluster.time.until(Promise.all(transactions));
  const state = await cluster.time.until(one.read(ids));
  assert.deepEqual(
    state,
    state.map((_, index) => index),
  );
  for (const applied of results) assert.equal(applied?.result, state[applied?.result ?? -1]);
});

test("a transaction that has nothing to do does nothing, and one that apply refuses rejects", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger());
  assert.equal(await cluster.time.until(replica.transact(() => undefined)), undefined);
  assert.equal(cluster.stream.tail, 0);
  const refused = replica.transact(() => ({ id: 1, refused: true }));
  await assert.rejects(cluster.time.until(refused), CommandRejected);
  await assert.rejects(
    cluster.time.until(
      replica.transact(() => {
        throw new RangeError("decided badly");
      }),
    ),
    RangeError,
  );
  assert.equal((await cluster.time.until(replica.transact(following)))?.result, 0);
});

test("a transaction whose answer is lost is found in the log, or not", async () => {
  const found = { applied: 0, not: 0 };
  for (let seed = 0; seed < 20; seed += 1) {
    const cluster = new Cluster(seed);
    const replica = await cluster.open(ledger());
    cluster.stream.weather.delayMs = 100;
    const lost = replica.transact(following, { timeoutMs: 500 }).catch((error: unknown) => error);
    // Arrived, or not; answered, not yet.
    await cluster.time.passMs(50);
    cluster.stream.weather.down = true;
    const told = await cluster.time.until(lost);
    cluster.stream.weather.down = false;
    if (!(told instanceof OutcomeUnknownError)) continue;
    await cluster.time.until(replica.propose({ id: 7 }));
    const state = await cluster.time.until(replica.read(ids));
    if (state.includes(0)) {
      found.applied += 1;
      assert.equal((await told.outcome).result, 0);
    } else {
      found.not += 1;
      await assert.rejects(told.outcome, NotAppendedError);
    }
  }
  assert.ok(found.applied > 0 && found.not > 0, JSON.stringify(found));
});

test("whatever the network does, transactions neither lose an update nor count twice", async () => {
  let conflicts = 0;
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.constantFrom(0, 0.05, 0.2), async (seed, loss) => {
      const cluster = new Cluster(seed);
      const replicas = [await cluster.open(ledger()), await cluster.open(ledger()), await cluster.open(ledger())];
      cluster.stream.weather.delayMs = 30;
      cluster.stream.weather.loss = loss;
      let decisions = 0;
      const acknowledged: number[] = [];
      let unknown = 0;
      const lane = async (index: number) => {
        for (let i = 0; i < 5; i += 1) {
          const decide = (state: Ledger) => {
            decisions += 1;
            return following(state);
          };
          await replicas[index].transact(decide, { timeoutMs: 60_000 }).then(
            (applied) => {
              if (applied !== undefined) acknowledged.push(applied.result);
            },
            (error: unknown) => {
              assert.ok(error instanceof OutcomeUnknownError || error instanceof NotAppendedError, String(error));
              if (error instanceof OutcomeUnknownError) unknown += 1;
            },
          );
        }
      };
      await cluster.time.until(Promise.all(replicas.map((_, index) => lane(index))), 3_600_000);
      cluster.stream.weather.loss = 0;
      const state = await cluster.time.until(replicas[0].read(ids));
      assert.deepEqual(
        state,
        state.map((_, index) => index),
      );
      assert.equal(new Set(acknowledged).size, acknowledged.length);
      assert.ok(state.length >= acknowledged.length && state.length <= acknowledged.length + unknown);
      conflicts += decisions - state.length;
      for (const replica of replicas) await cluster.time.until(replica.abort());
    }),
    { numRuns: 40 },
  );
  assert.ok(conflicts > 0);
});
