// Histories of correct streams are accepted, whatever their clients did and whatever got lost; those of streams with a bug are not.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { check, type Violation } from "./checker.ts";
import type { Answer, Call, Operation, Standing } from "./history.ts";
import { CorrectStream, historyOf } from "./testing/correct-stream.ts";
import { Random } from "./testing/random.ts";

const RUNS = 300;

for (const deletions of [false, true]) {
  test(`histories of a correct stream are accepted, ${deletions ? "with" : "without"} deletions`, () => {
    let undecided = 0;
    fc.assert(
      fc.property(
        fc.integer(),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 100 }),
        fc.integer({ min: 0, max: 25 }),
        (seed, clients, operations, losses) => {
          const violations = check(historyOf({ seed, clients, operations, losses: losses / 100, deletions }));
          undecided += violations.filter(({ kind }) => kind === "gave-up").length;
          assert.deepEqual(
            violations.filter(({ kind }) => kind !== "gave-up").map(({ report }) => report),
            [],
          );
        },
      ),
      { numRuns: RUNS },
    );
    // What nobody ever saw, in streams that are deleted again and again, can be too much.
    assert.ok(undecided <= (deletions ? RUNS / 100 : 0), `gave up ${undecided} times`);
  });
}

test("thousands of operations of twenty clients are decided", () => {
  const history = historyOf({ seed: 1, clients: 20, operations: 3000, losses: 0.05, deletions: false });
  assert.ok(history.length > 4000, `${history.length}`);
  assert.deepEqual(check(history), []);
});

/** Now and then it does something wrong. */
class FaultyStream extends CorrectStream {
  readonly #bug: Bug;
  readonly #chance: Random;

  constructor(random: Random, bug: Bug) {
    super(random);
    this.#bug = bug;
    this.#chance = random;
  }

  correctly(call: Call): Answer {
    return super.carryOut(call);
  }

  override carryOut(call: Call): Answer {
    return this.#chance.chance(0.2) ? this.#bug(this, call) : this.correctly(call);
  }
}

type Bug = (stream: FaultyStream, call: Call) => Answer;

const BUGS: Readonly<Record<string, Bug>> = {
  "acknowledges without effect": (stream, call) => {
    const answer = stream.correctly(call);
    if (answer.kind === "appended") stream.live?.records.splice(answer.start.seqNum);
    return answer;
  },
  "appends half of a batch": (stream, call) => {
    const answer = stream.correctly(call);
    if (answer.kind === "appended") stream.live?.records.splice(answer.end.seqNum - 1);
    return answer;
  },
  "appends twice": (stream, call) => {
    if (call.kind === "append") stream.correctly({ kind: "append", records: call.records });
    return stream.correctly(call);
  },
  "promises no effect after one": (stream, call) => {
    const answer = stream.correctly(call);
    return answer.kind === "appended" ? { kind: "refused" } : answer;
  },
  "ignores match_seq_num": (stream, call) => {
    if (call.kind !== "append" || call.matchSeqNum === undefined) return stream.correctly(call);
    const { matchSeqNum: _ignored, ...unconditional } = call;
    return stream.correctly(unconditional);
  },
  "ignores fencing tokens": (stream, call) => {
    if (call.kind !== "append" || call.fencingToken === undefined) return stream.correctly(call);
    const { fencingToken: _ignored, ...unconditional } = call;
    return stream.correctly(unconditional);
  },
  "tells the tail of a batch ago": (stream, call) => {
    const answer = stream.correctly(call);
    const before = stream.live?.records.at(-2);
    if (answer.kind !== "tail" || before === undefined) return answer;
    return { kind: "tail", tail: { seqNum: before.seqNum + 1, timestamp: before.timestamp } };
  },
  "refuses by a tail that is not there yet": (stream, call) => {
    const answer = stream.correctly(call);
    return answer.kind === "seq-num-mismatch" ? { ...answer, actual: answer.actual + 1 } : answer;
  },
  "is not found though it is there": () => ({ kind: "not-found" }),
};

for (const [name, bug] of Object.entries(BUGS)) {
  test(`a stream that ${name} is seen`, () => {
    let seen = 0;
    for (let seed = 0; seed < 20; seed += 1) {
      const shape = { seed, clients: 8, operations: 80, losses: 0.05, deletions: false };
      const violations = check(historyOf(shape, (random) => new FaultyStream(random, bug)));
      seen += violations.filter(({ kind }) => kind !== "gave-up").length;
    }
    assert.ok(seen >= 10, `in ${seen} of 20 histories`);
  });
}

test("hints that lie change no verdict", () => {
  const liesAbout = (history: readonly Operation[], seed: number): Standing => {
    const random = new Random(seed);
    const ids = history.flatMap(({ call }) => (call.kind === "append" ? call.records.map(({ id }) => id) : []));
    const ends = Array.from({ length: 5 }, () => (random.chance(0.3) ? undefined : random.below(1_000)));
    return {
      records: new Map(ids.filter(() => random.chance(0.8)).map((id) => [id, random.below(1_000)])),
      ends: new Map([["s", ends]]),
    };
  };
  for (let seed = 0; seed < 40; seed += 1) {
    const correct = historyOf({ seed, clients: 6, operations: 60, losses: 0.1, deletions: seed % 2 === 0 });
    assert.deepEqual(check(correct, { standing: liesAbout(correct, seed) }), []);
    const bug = Object.values(BUGS)[seed % Object.keys(BUGS).length];
    const faulty = historyOf(
      { seed, clients: 6, operations: 60, losses: 0.05, deletions: false },
      (random) => new FaultyStream(random, bug),
    );
    const verdict = (violations: readonly Violation[]) => violations.map(({ kind }) => kind);
    assert.deepEqual(verdict(check(faulty, { standing: liesAbout(faulty, seed) })), verdict(check(faulty)));
  }
});
