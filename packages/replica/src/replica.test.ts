// What a replica promises, one promise at a time, over a simulated log in virtual time.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ApplyFailedError,
  CommandRejected,
  CommandTooLargeError,
  InvariantError,
  LogTrimmedError,
  NotAppendedError,
  OutcomeUnknownError,
  OverloadedError,
  ReplicaError,
  StoppedError,
  UnavailableError,
  VersionError,
} from "./errors.ts";
import { MAX_BATCH_RECORDS, MAX_COMMAND_BYTES, MAX_IN_FLIGHT_BATCHES, MAX_SMALL_IN_FLIGHT } from "./limits.ts";
import { LogError } from "./log/log.ts";
import { Replica } from "./replica.ts";
import { Cluster } from "./testing/cluster.ts";
import { ledger } from "./testing/ledger.ts";

const ids = (state: { readonly ids: readonly number[] }) => [...state.ids];

test("a proposal resolves with the result of its own application, and every replica has it", async () => {
  const cluster = new Cluster();
  const [one, two] = [await cluster.open(ledger()), await cluster.open(ledger())];
  const first = await cluster.time.until(one.propose({ id: 7 }));
  const second = await cluster.time.until(two.propose({ id: 8 }));
  assert.deepEqual([first.result, second.result], [0, 1]);
  assert.ok(second.position.seqNum > first.position.seqNum);
  for (const replica of [one, two]) assert.deepEqual(await cluster.time.until(replica.read(ids)), [7, 8]);
});

test("a refusal of apply is the proposal's result, and stops nobody", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger());
  await assert.rejects(cluster.time.until(replica.propose({ id: 1, refused: true })), CommandRejected);
  assert.equal((await cluster.time.until(replica.propose({ id: 2 }))).result, 0);
});

test("any other exception of apply stops every replica, and says where", async () => {
  const cluster = new Cluster();
  const broken = { ...ledger(), apply: () => Object.assign({}, null as never as { x: number }).x.toFixed() };
  const machine = { ...ledger(), apply: broken.apply as never as ReturnType<typeof ledger>["apply"] };
  const [one, two] = [await cluster.open(machine), await cluster.open(machine)];
  await assert.rejects(cluster.time.until(one.propose({ id: 1 })), OutcomeUnknownError);
  for (const replica of [one, two]) {
    const { cause } = await cluster.time.until(replica.stopped);
    assert.ok(cause instanceof ApplyFailedError && cause.position === 1 && cause.cause instanceof TypeError);
    await assert.rejects(
      replica.read(ids, { consistency: "eventual" }),
      (error) => error instanceof StoppedError && error.cause === cause,
    );
    await assert.rejects(replica.propose({ id: 2 }), StoppedError);
  }
});

test("what is proposed in one turn goes together, in order", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger());
  await cluster.time.until(replica.propose({ id: 0 }));
  const before = cluster.stream.appends;
  const proposals = Array.from({ length: 500 }, (_, i) => replica.propose({ id: i + 1 }));
  const results = await cluster.time.until(Promise.all(proposals));
  assert.deepEqual(
    results.map(({ result }) => result),
    Array.from({ length: 500 }, (_, i) => i + 1),
  );
  assert.equal(cluster.stream.appends - before, 1);
});

test("small batches gather behind two on their way, full ones are pipelined up to a bound", async () => {
  const cluster = new Cluster();
  let [open, most] = [0, 0];
  const log = cluster.stream.connect();
  const appender = log.openAppender();
  log.openAppender = () => ({
    append: async (batch) => {
      open += 1;
      most = Math.max(most, open);
      return appender.append(batch).finally(() => {
        open -= 1;
      });
    },
    close: () => appender.close(),
  });
  const replica = await cluster.open(ledger(), { log });
  await cluster.time.until(replica.propose({ id: 0 }));
  let next = 1;
  const proposals = [];
  for (let turn = 0; turn < 20; turn += 1) {
    proposals.push(replica.propose({ id: next++ }));
    await cluster.time.settle();
  }
  await cluster.time.until(Promise.all(proposals));
  assert.equal(most, MAX_SMALL_IN_FLIGHT);
  const many = Array.from({ length: 15 * MAX_BATCH_RECORDS }, () => replica.propose({ id: next++ }));
  await cluster.time.until(Promise.all(many));
  assert.equal(most, MAX_IN_FLIGHT_BATCHES);
});

test("at the bound proposals are refused, honestly, and taken again when there is room", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger(), { maxPending: 3 });
  const pending = [1, 2, 3].map((id) => replica.propose({ id }));
  await assert.rejects(replica.propose({ id: 4 }), OverloadedError);
  await cluster.time.until(replica.room());
  await cluster.time.until(Promise.all([...pending, replica.propose({ id: 5 })]));
  assert.deepEqual(await cluster.time.until(replica.read(ids)), [1, 2, 3, 5]);
  const bytes = await cluster.open(ledger(), { maxPendingBytes: 1000 });
  await assert.rejects(Promise.all(Array.from({ length: 20 }, (_, id) => bytes.propose({ id }))), OverloadedError);
});

test("a command over the bound is refused, and one at the bound is taken", async () => {
  const cluster = new Cluster();
  const raw = {
    ...ledger(),
    encode: (length: number) => new Uint8Array(length),
    decode: (bytes: Uint8Array) => bytes.length,
    apply: (_: unknown, length: number) => length,
  };
  const replica = await cluster.open(raw);
  await assert.rejects(replica.propose(MAX_COMMAND_BYTES + 1), CommandTooLargeError);
  assert.equal((await cluster.time.until(replica.propose(MAX_COMMAND_BYTES))).result, MAX_COMMAND_BYTES);
});

test("what waits while the log is away is told not to be appended; what was sent, that nobody knows, until the log tells", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger(), { proposalTimeoutMs: 500 });
  await cluster.time.until(replica.propose({ id: 0 }));
  cluster.stream.weather.delayMs = 0;
  const sent = replica.propose({ id: 1 });
  await cluster.time.settle();
  cluster.stream.weather.down = true;
  const others = [2, 3].map((id) => replica.propose({ id }));
  const waited = await cluster.time.until(Promise.allSettled([sent, ...others]));
  const unknown = waited.map((result) => (result.status === "rejected" ? result.reason : undefined));
  assert.ok(unknown[0] instanceof OutcomeUnknownError);
  cluster.stream.weather.down = false;
  const { result } = await cluster.time.until(unknown[0].outcome);
  assert.equal(result, 1);
  const state = await cluster.time.until(replica.read(ids));
  for (const [i, error] of unknown.slice(1).entries()) {
    if (error instanceof NotAppendedError) assert.ok(!state.includes(i + 2));
    else assert.ok(error instanceof OutcomeUnknownError && state.includes(i + 2));
  }
});

test("before a session is open nothing was sent: its proposals are told not to be appended", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger(), { proposalTimeoutMs: 3000 });
  cluster.stream.weather.down = true;
  await assert.rejects(cluster.time.until(replica.propose({ id: 1 })), NotAppendedError);
  cluster.stream.weather.down = false;
  await cluster.time.until(replica.propose({ id: 2 }));
  assert.deepEqual(await cluster.time.until(replica.read(ids)), [2]);
});

test("a log that refuses appends refuses proposals, and lets reads be", async () => {
  const cluster = new Cluster();
  const log = cluster.stream.connect();
  log.append = async () => {
    throw new LogError("refused", "no permission");
  };
  const replica = await cluster.open(ledger(), { log });
  await assert.rejects(cluster.time.until(replica.propose({ id: 1 })), NotAppendedError);
  assert.deepEqual(await cluster.time.until(replica.read(ids)), []);
});

test("concurrent strong reads share a check of the tail", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger());
  const before = cluster.stream.checks;
  await cluster.time.until(Promise.all(Array.from({ length: 100 }, () => replica.read(ids))));
  assert.equal(cluster.stream.checks - before, 2);
});

test("while the log cannot be reached strong reads end in time, and eventual ones go on", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger());
  await cluster.time.until(replica.propose({ id: 1 }));
  cluster.stream.weather.down = true;
  cluster.stream.wakeAll();
  const began = cluster.time.monotonicMs();
  await assert.rejects(cluster.time.until(replica.read(ids, { timeoutMs: 700 })), UnavailableError);
  assert.equal(cluster.time.monotonicMs() - began, 700);
  assert.deepEqual(await replica.read(ids, { consistency: "eventual" }), [1]);
  assert.ok(replica.disconnected instanceof LogError);
});

test("a read at least at a position waits for it", async () => {
  const cluster = new Cluster();
  const [one, two] = [await cluster.open(ledger()), await cluster.open(ledger())];
  cluster.stream.weather.delayMs = 50;
  const { position } = await cluster.time.until(one.propose({ id: 1 }));
  const read = two.read(ids, { consistency: { atLeast: position.seqNum } });
  assert.deepEqual(await cluster.time.until(read), [1]);
  const beyond = two.read(ids, { consistency: { atLeast: position.seqNum + 1 }, timeoutMs: 100 });
  await assert.rejects(cluster.time.until(beyond), UnavailableError);
});

test("a watch sees the newest value, at first and whenever it changes, and ends when it is left", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger());
  const watch = replica.watch((state) => state.ids.length);
  assert.equal((await watch.next()).value?.value, 0);
  const pending = watch.next();
  await cluster.time.until(Promise.all([1, 2, 3].map((id) => replica.propose({ id }))));
  const seen = [(await pending).value?.value];
  await cluster.time.until(replica.propose({ id: 4 }));
  seen.push((await watch.next()).value?.value);
  assert.deepEqual(
    seen.toSorted((a, b) => Number(a) - Number(b)),
    seen,
  );
  assert.equal(seen[1], 4);
  const left = watch.next();
  await watch.return?.();
  assert.equal((await left).done, true);
  const last = replica.watch((state) => state.ids.length);
  await last.next();
  const stopping = assert.rejects(last.next(), StoppedError);
  await cluster.time.until(replica.abort());
  await stopping;
});

test("a log of another machine, of a later version or with other limits is refused", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger());
  await cluster.time.until(replica.propose({ id: 1 }));
  const others = [
    { ...ledger(), name: "another" },
    { ...ledger(), maxSessions: 7 },
  ];
  for (const machine of others) {
    await assert.rejects(
      cluster.open(machine),
      (error) => error instanceof StoppedError && error.cause instanceof VersionError,
    );
  }
  const later = await cluster.open({ ...ledger(), version: 2 });
  await cluster.time.until(later.propose({ id: 2 }));
  // The old build stops before what it might apply otherwise, and its state is as it was.
  const { cause } = await cluster.time.until(replica.stopped);
  assert.ok(cause instanceof VersionError);
  assert.match(cause.message, /version 2 .* up to 1/);
});

test("records that others put into the log are passed over", async () => {
  const cluster = new Cluster();
  cluster.stream.take({ entries: [{ headers: [], body: Buffer.from("by hand") }] });
  const replica = await cluster.open(ledger());
  await cluster.time.until(replica.propose({ id: 1 }));
  assert.deepEqual(await cluster.time.until(replica.read(ids)), [1]);
});

test("a log that begins too late stops the replica", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger());
  await cluster.time.until(replica.propose({ id: 1 }));
  cluster.stream.first = 2;
  cluster.stream.take({ entries: [{ headers: [], body: Buffer.from("kept") }] });
  await assert.rejects(
    cluster.open(ledger()),
    (error) => error instanceof StoppedError && error.cause instanceof LogTrimmedError,
  );
});

test("a log that has lost what was applied stops the replica at the next strong read", async () => {
  const cluster = new Cluster();
  const replica = await cluster.open(ledger());
  await cluster.time.until(replica.propose({ id: 1 }));
  cluster.stream.records.length = 1;
  await assert.rejects(cluster.time.until(replica.read(ids)), (error) => {
    return error instanceof StoppedError && error.cause instanceof InvariantError;
  });
});

test("what encode throws is the proposal's, and what select throws is the watch's", async () => {
  const cluster = new Cluster();
  const encode = () => {
    throw new RangeError("cannot be encoded");
  };
  const replica = await cluster.open({ ...ledger(), encode });
  await assert.rejects(replica.propose({ id: 1 }), RangeError);
  const watch = replica.watch(() => {
    throw new RangeError("cannot be selected");
  });
  await assert.rejects(watch.next(), RangeError);
  assert.equal((await watch.next()).done, true);
});

test("a close waits for what is pending, an abort does not, and nothing is left behind", async () => {
  const cluster = new Cluster();
  const closed = await cluster.open(ledger());
  const pending = closed.propose({ id: 1 });
  const closing = closed.close();
  await assert.rejects(closed.propose({ id: 2 }), StoppedError);
  await cluster.time.until(closing);
  assert.equal((await pending).result, 0);
  await assert.rejects(closed.read(ids), StoppedError);
  assert.equal((await closed.stopped).cause, undefined);

  const aborted = await cluster.open(ledger());
  await cluster.time.until(aborted.propose({ id: 3 }));
  const waiting = aborted.propose({ id: 4 });
  const sent = aborted.propose({ id: 5 });
  const told = Promise.allSettled([waiting, sent]);
  await cluster.time.until(aborted.abort());
  for (const result of await told) {
    assert.ok(result.status === "rejected" && result.reason instanceof ReplicaError);
  }
  await cluster.time.passMs(60_000);
  assert.equal(cluster.time.pendingTimers, 0);
});

test("a replica that cannot be opened leaves nothing behind", async () => {
  const cluster = new Cluster();
  cluster.stream.weather.down = true;
  const opening = Replica.open(ledger(), { log: cluster.stream.connect(), runtime: cluster.time, readTimeoutMs: 3000 });
  await assert.rejects(cluster.time.until(opening), UnavailableError);
  await cluster.time.passMs(60_000);
  assert.equal(cluster.time.pendingTimers, 0);
});
