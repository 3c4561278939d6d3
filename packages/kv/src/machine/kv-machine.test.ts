import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { MAX_STEPS } from "../command/limits.ts";
import { isError } from "../command/reply.ts";
import { Keyspace } from "../state/keyspace.ts";
import type { Unit } from "./batch.ts";
import { type KvHooks, type KvMachine, kvMachine } from "./kv-machine.ts";
import { command } from "./testing/hostile.ts";

const hooks = (receivers = 0): KvHooks => ({
  began: () => undefined,
  publish: () => receivers,
  touched: () => undefined,
  cleared: () => undefined,
});

/** A machine with its state, as a replica has them. */
class Applied {
  readonly machine: KvMachine;
  state: Keyspace;
  #seqNum = 0;

  constructor(receivers = 0, state?: Keyspace, seqNum = 0) {
    this.machine = kvMachine(hooks(receivers));
    this.state = state ?? this.machine.initial();
    this.#seqNum = seqNum;
  }

  apply(timestampMs: number, units: readonly Unit[], seed = 1, maxBytes = 0) {
    this.#seqNum += 1;
    const record = this.machine.encode({ seed, maxBytes, units }, 1);
    return this.machine.apply(this.state, this.machine.decode(record, 1), { seqNum: this.#seqNum, timestampMs });
  }

  one(...args: string[]) {
    return this.apply(0, [{ watches: [], commands: [args] }])[0]?.replies[0];
  }

  digest(): string {
    return Buffer.from(this.machine.digest?.(this.state) ?? []).toString("hex");
  }

  async copy(): Promise<Applied> {
    const chunks = this.machine.snapshots?.take(this.state, 1) ?? [];
    return new Applied(0, await restored(this.machine, chunks), this.#seqNum);
  }
}

async function restored(machine: KvMachine, chunks: Iterable<Uint8Array>): Promise<Keyspace> {
  const state = await machine.snapshots?.restore(asynchronous(chunks), 1);
  assert.ok(state !== undefined);
  return state;
}

async function* asynchronous(chunks: Iterable<Uint8Array>) {
  yield* chunks;
}

/** Everything that can be seen of a state, in its order. */
function contents(state: Keyspace) {
  return [...state.keys()].map((key) => {
    const entry = state.get(key);
    assert.ok(entry !== undefined);
    const value = typeof entry.value === "string" ? entry.value : [entry.value.type, ...entry.value.elements()];
    return { ...entry, key, value, sum: undefined, era: undefined };
  });
}

const step = fc.record({
  pauseMs: fc.constantFrom(0, 1, 1000),
  seed: fc.nat(),
  commands: fc.array(command, { minLength: 1, maxLength: 4 }),
});

test("whatever is sent, replicas agree: in replies, digests and contents, also after a restart from a snapshot", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(40), async (steps, restartAt) => {
      const first = new Applied(3);
      let second = new Applied(0);
      let nowMs = 1_000_000;
      for (const [i, { pauseMs, seed, commands }] of steps.entries()) {
        nowMs += pauseMs;
        if (i === restartAt) second = await second.copy();
        const units = commands.map((args) => ({ watches: [], commands: [args] }));
        const replies = first.apply(nowMs, units, seed);
        const others = second.apply(nowMs, units, seed);
        // Who publishes is told of the subscribers at the own replica.
        const comparable = (results: typeof replies) => results.filter((_, at) => commands[at][0] !== "publish");
        assert.deepEqual(comparable(others), comparable(replies));
        assert.equal(second.digest(), first.digest());
      }
      assert.deepEqual(contents(second.state), contents(first.state));
    }),
    { numRuns: 400 },
  );
});

test("a refused command has changed nothing", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const applied = new Applied();
      for (const args of commands) {
        const before = applied.digest();
        const reply = applied.one(...args);
        if (reply !== undefined && isError(reply)) assert.equal(applied.digest(), before, args.join(" "));
      }
    }),
    { numRuns: 400 },
  );
});

test("bytes and digest depend on the contents alone, whatever the way to them", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
      const applied = new Applied();
      for (const args of commands) applied.one(...args);
      const same = new Keyspace(applied.state.nextOrdinal);
      same.advance(applied.state.nowMs);
      for (const [key, entry] of applied.state.freeze()) same.load(key, entry);
      assert.deepEqual(same.digest, applied.state.digest);
      assert.equal(same.expiring, applied.state.expiring);
    }),
    { numRuns: 200 },
  );
});

test("a snapshot shows the moment of its beginning, however much is written meanwhile", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(command, { maxLength: 40 }),
      fc.array(command, { maxLength: 40 }),
      async (before, after) => {
        const applied = new Applied();
        for (const args of before) applied.one(...args);
        const expected = contents(applied.state);
        const chunks = applied.machine.snapshots?.take(applied.state, 1)[Symbol.iterator]();
        assert.ok(chunks !== undefined);
        const taken = [chunks.next().value as Uint8Array];
        for (const args of after) applied.one(...args);
        for (let chunk = chunks.next(); chunk.done !== true; chunk = chunks.next()) taken.push(chunk.value);
        assert.deepEqual(contents(await restored(applied.machine, taken)), expected);
      },
    ),
    { numRuns: 300 },
  );
});

test("damaged snapshots are refused", async () => {
  const applied = new Applied();
  for (let i = 0; i < 100; i += 1) applied.one("SET", `key-${i}`, "value", "PX", "1000");
  const whole = Buffer.concat([...(applied.machine.snapshots?.take(applied.state, 1) ?? [])]);
  for (let length = 0; length < whole.length; length += 7) {
    await assert.rejects(restored(applied.machine, [whole.subarray(0, length)]), `${length} bytes`);
  }
});

test("a transaction whose watched key has changed does nothing", () => {
  const applied = new Applied();
  applied.one("SET", "a", "1");
  const revision = applied.state.revisionOf("a");
  const unit = (watched: number) => ({ watches: [["a", watched]] as const, commands: [["INCR", "a"]] });
  // Both in one record: the first one's change is seen by the second.
  const [done, refused] = applied.apply(0, [unit(revision), unit(revision)]);
  assert.deepEqual(done?.replies, [2]);
  assert.equal(refused, undefined);
  assert.notEqual(applied.state.revisionOf("a"), revision);
});

test("beyond the proposer's bound, commands that take memory are refused, and others not", () => {
  const applied = new Applied();
  const run = (...args: string[]) => applied.apply(0, [{ watches: [], commands: [args] }], 1, 200)[0]?.replies[0];
  run("SET", "a", "x".repeat(200));
  assert.match(JSON.stringify(run("SET", "b", "1")), /OOM command not allowed/);
  assert.equal(run("DEL", "a"), 1);
  assert.deepEqual(run("SET", "b", "1"), { kind: "status", text: "OK" });
});

test("the log's clock never goes back, and what has expired is gone before the record is applied", () => {
  const applied = new Applied();
  const at = (timestampMs: number, ...args: string[]) =>
    applied.apply(timestampMs, [{ watches: [], commands: [args] }])[0]?.replies[0];
  at(1000, "SET", "a", "1", "PX", "100");
  assert.equal(at(1099, "GET", "a"), "1");
  assert.equal(at(1100, "GET", "a"), null);
  at(500, "SET", "b", "1", "PX", "100");
  assert.equal(at(1199, "PTTL", "b"), 1);
});

test("the commands of a transaction have a bounded number of steps together, and those of another one as many again", () => {
  const replica = new Applied();
  const members = Array.from({ length: 1_000 }, (_, i) => String(i));
  const union = ["sunionstore", "target", ...members.map(() => "set")];
  // Each of them is far below the bound.
  const often = Math.floor(MAX_STEPS / members.length ** 2);
  const commands = [...Array.from({ length: often }, () => union), union, ["set", "after", "1"], ["keys", "x*y"]];
  const [[added], [all], [alone]] = [
    replica.apply(1, [{ watches: [], commands: [["sadd", "set", ...members]] }]),
    replica.apply(2, [{ watches: [], commands }]),
    replica.apply(3, [{ watches: [], commands: [union] }]),
  ];
  assert.deepEqual(added?.replies, [members.length]);
  assert.deepEqual(
    all?.replies.slice(0, often),
    Array.from({ length: often }, () => members.length),
  );
  const [tooMuch, set, keys] = all?.replies.slice(often) ?? [];
  for (const refused of [tooMuch, keys]) assert.match(JSON.stringify(refused), /too much to do at once/);
  assert.ok(!isError(set));
  assert.equal(replica.state.get("after")?.value, "1");
  assert.deepEqual(alone?.replies, [members.length]);
});
