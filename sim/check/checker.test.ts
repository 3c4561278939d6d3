// Each kind of violation is seen where it is planted, and what looks like it but is allowed is not.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { check } from "./checker.ts";
import type { Operation } from "./history.ts";
import { acked, append, CREATED, command, NOTHING, readFrom, records, Story, tail, UNKNOWN } from "./testing/story.ts";

const CHECK_TAIL = { kind: "check-tail" } as const;
const DELETE = { kind: "delete" } as const;
const CREATE = { kind: "create" } as const;
const NOT_FOUND = { kind: "not-found" } as const;
const trim = (id: string, seqNum: number) => command(id, { kind: "trim", seqNum });
const fence = (id: string, token: string) => command(id, { kind: "fence", token });
const seqNumMismatch = (actual: number) => ({ kind: "seq-num-mismatch", actual }) as const;
const tokenMismatch = (actual: string) => ({ kind: "fencing-token-mismatch", actual }) as const;
const tailIs = (n: number) => ({ kind: "tail", tail: tail(n) }) as const;
const unwritten = (n: number) => ({ kind: "unwritten", tail: tail(n) }) as const;

type Plot = (story: Story) => unknown;

function historyOf(plot: Plot): Operation[] {
  const story = new Story();
  plot(story);
  return story.history;
}

function allowed(name: string, plot: Plot): void {
  test(`allowed: ${name}`, () => {
    assert.deepEqual(
      check(historyOf(plot)).map(({ report }) => report),
      [],
    );
  });
}

function seen(name: string, kind: "contents" | "order", plot: Plot): void {
  test(`seen: ${name}`, () => {
    const violations = check(historyOf(plot));
    assert.deepEqual(
      violations.map((violation) => violation.kind),
      [kind],
    );
    assert.ok(violations[0].report.length > 0);
  });
}

describe("records", () => {
  seen("an acknowledged record is lost", "order", (s) =>
    s.told(append("a"), acked(0)).told(append("b"), acked(1)).told(readFrom(0), records(0, "a")),
  );
  seen("an acknowledged record's place is taken by another", "order", (s) =>
    s.told(append("a"), acked(0)).told(append("b"), UNKNOWN).told(readFrom(0), records(0, "b")),
  );
  seen("an acknowledged stream is empty", "order", (s) =>
    s.told(append("a"), acked(0)).told(readFrom(0), unwritten(0)),
  );
  seen("a record is there twice", "contents", (s) =>
    s.told(append("a"), acked(0)).told(append("b"), UNKNOWN).told(readFrom(0), records(0, "a b a")),
  );
  seen("an unknown append is there twice, by two reads", "contents", (s) =>
    s
      .told(append("a"), UNKNOWN)
      .told(readFrom(0), records(0, "a", true))
      .told(readFrom(1), records(1, "a")),
  );
  seen("records are reordered", "order", (s) => {
    s.told(append("a"), UNKNOWN).told(append("b"), acked(0)).told(append("c"), acked(1));
    s.told(readFrom(0), records(0, "b a")).told(CHECK_TAIL, tailIs(2));
  });
  seen("records of a batch are reordered", "contents", (s) =>
    s.told(append("a b"), UNKNOWN).told(readFrom(0), records(0, "b a")),
  );
  seen("a record is altered", "contents", (s) => s.told(append("a"), acked(0)).told(readFrom(0), records(0, "A")));
  seen("a record stands elsewhere than acknowledged", "contents", (s) =>
    s.told(append("a"), acked(0)).told(append("b"), UNKNOWN).told(readFrom(0), records(0, "b a")),
  );
  allowed("a read that counts back from a tail tells of a record that nobody saw", (s) => {
    s.told(append("a b"), acked(0, 2)).told(append("c"), UNKNOWN);
    s.told({ kind: "read", start: { kind: "tail_offset", offset: 2 } }, records(1, "b", true));
  });
  seen("two reads differ", "order", (s) => {
    s.told(append("a"), UNKNOWN).told(append("b"), UNKNOWN);
    s.told(readFrom(0), records(0, "a")).told(readFrom(0), records(0, "b"));
  });
  seen("a read jumps over a record", "contents", (s) =>
    s.told(append("a b c"), acked(0, 3)).told(readFrom(0), {
      kind: "records",
      records: [
        { id: "a", seqNum: 0, timestamp: 1000n },
        { id: "c", seqNum: 2, timestamp: 1002n },
      ],
      endsAtTail: true,
    }),
  );
  seen("a timestamp changes", "contents", (s) =>
    s.told(append("a"), acked(0)).told(readFrom(0), {
      kind: "records",
      records: [{ id: "a", seqNum: 0, timestamp: 1n }],
      endsAtTail: true,
    }),
  );
  seen("half a batch, before another", "contents", (s) => {
    s.told(append("a b"), UNKNOWN).told(append("c"), UNKNOWN);
    s.told(readFrom(0), records(0, "a c"));
  });
  seen("half a batch, at the tail", "order", (s) => s.told(append("a b"), UNKNOWN).told(readFrom(0), records(0, "a")));
  seen("the second half of a batch", "contents", (s) =>
    s.told(append("a b"), UNKNOWN).told(readFrom(0), records(0, "b")),
  );
  seen("a record is read before it is appended", "order", (s) =>
    s.told(readFrom(0), records(0, "a")).told(append("a"), acked(0)),
  );
  allowed("a record is read before it is acknowledged", (s) => {
    const appending = s.begin(append("a"));
    s.told(readFrom(0), records(0, "a"));
    appending.answer(acked(0));
  });
  seen("a read record goes away again", "order", (s) => {
    s.told(append("a"), UNKNOWN).told(readFrom(0), records(0, "a")).told(CHECK_TAIL, tailIs(0));
  });
  seen("the effect of an append that was refused", "contents", (s) =>
    s.told(append("a"), { kind: "refused" }).told(readFrom(0), records(0, "a")),
  );
  seen("the effect of an append whose condition failed", "contents", (s) =>
    s.told(append("a", { matchSeqNum: 3 }), seqNumMismatch(0)).told(readFrom(0), records(0, "a")),
  );
  seen("the unseen effect of an append that was refused", "order", (s) =>
    s.told(append("a"), { kind: "refused" }).told(CHECK_TAIL, tailIs(1)),
  );
});

describe("acknowledgements", () => {
  seen("two have one place", "order", (s) => s.told(append("a"), acked(0)).told(append("b"), acked(0)));
  seen("their order contradicts time", "order", (s) => s.told(append("a"), acked(1)).told(append("b"), acked(0)));
  allowed("their order is free while they overlap", (s) => {
    const first = s.begin(append("a"));
    s.told(append("b"), acked(0));
    first.answer(acked(1));
  });
  seen("one comes before the append before it has begun", "order", (s) => {
    s.told(append("b"), acked(1));
    s.told(append("a"), acked(0));
    s.told(readFrom(0), records(0, "a b"));
  });
  seen("there is a hole before it", "order", (s) => s.told(append("a"), acked(0)).told(append("b"), acked(2)));
  allowed("what is before it has an unknown outcome", (s) =>
    s.told(append("a"), UNKNOWN).told(append("b c"), UNKNOWN).told(append("d"), acked(2)).told(CHECK_TAIL, tailIs(3)),
  );
  seen("the hole before it is too small for what may fill it", "order", (s) =>
    s.told(append("a b"), UNKNOWN).told(append("c"), acked(1)),
  );
  seen("an unknown append would have to fill two holes", "order", (s) =>
    s.told(append("a"), UNKNOWN).told(append("b"), acked(1)).told(append("c"), acked(3)),
  );
  allowed("a clamped read by time begins behind a record that nobody has seen", (s) => {
    s.told(append("a"), UNKNOWN).told(CHECK_TAIL, tailIs(1));
    const read = s.begin({ kind: "read", start: { kind: "timestamp", timestamp: 5_000n }, clamp: true });
    s.told(append("b"), acked(1));
    read.answer(records(1, "b"));
  });
  allowed("an unknown append takes effect late", (s) =>
    s.told(append("a"), UNKNOWN).told(append("b"), acked(0)).told(CHECK_TAIL, tailIs(1)).told(CHECK_TAIL, tailIs(2)),
  );
  seen("it has a length of its own", "contents", (s) => s.told(append("a b"), acked(0, 1)));
  seen("its tail is of the future", "order", (s) => s.told(append("a"), acked(0, 1, 2)).told(append("b"), acked(1)));
  seen("its tail is of the past", "contents", (s) => {
    s.told(append("a b"), { kind: "appended", start: tail(0), end: tail(2), tail: tail(1) });
  });
  seen("its timestamp is earlier than that before", "order", (s) => {
    const late = { seqNum: 0, timestamp: 5000n };
    s.told(append("a"), { kind: "appended", start: late, end: { ...late, seqNum: 1 }, tail: { ...late, seqNum: 1 } });
    s.told(append("b"), acked(1));
  });
});

describe("tails", () => {
  seen("stale", "order", (s) => s.told(append("a"), acked(0)).told(append("b"), acked(1)).told(CHECK_TAIL, tailIs(1)));
  seen("it goes back", "order", (s) => {
    s.told(append("a"), UNKNOWN).told(CHECK_TAIL, tailIs(1)).told(CHECK_TAIL, tailIs(0));
  });
  seen("ahead of everything", "order", (s) => s.told(append("a"), acked(0)).told(CHECK_TAIL, tailIs(2)));
  seen("within a batch", "order", (s) => s.told(append("a b"), UNKNOWN).told(CHECK_TAIL, tailIs(1)));
  seen("its timestamp is not the last record's", "order", (s) =>
    s.told(append("a"), acked(0)).told(CHECK_TAIL, { kind: "tail", tail: { seqNum: 1, timestamp: 7n } }),
  );
  allowed("before or after an append that it overlaps", (s) => {
    const one = s.begin(CHECK_TAIL);
    const two = s.begin(CHECK_TAIL);
    s.told(append("a"), acked(0));
    one.answer(tailIs(0));
    two.answer(tailIs(1));
  });
});

describe("reads", () => {
  seen("stale: it ends before the tail", "order", (s) =>
    s.told(append("a"), acked(0)).told(append("b"), acked(1)).told(readFrom(0), records(0, "a")),
  );
  allowed("a bound ends it before the tail", (s) =>
    s
      .told(append("a"), acked(0))
      .told(append("b"), acked(1))
      .told(readFrom(0), records(0, "a", true)),
  );
  seen("stale: nothing is there yet", "order", (s) => s.told(append("a"), acked(0)).told(readFrom(0), NOTHING));
  seen("stale: 416", "order", (s) =>
    s.told(append("a"), acked(0)).told(append("b"), acked(1)).told(readFrom(1), unwritten(1)),
  );
  seen("416 with something there", "order", (s) => s.told(append("a b"), acked(0, 2)).told(readFrom(1), unwritten(2)));
  allowed("416 at the tail", (s) => s.told(append("a b"), acked(0, 2)).told(readFrom(2), unwritten(2)));
  seen("it begins elsewhere than asked", "order", (s) =>
    s.told(append("a b"), acked(0, 2)).told(readFrom(0), records(1, "b")),
  );
  allowed("so many before the tail", (s) =>
    s
      .told(append("a b"), acked(0, 2))
      .told({ kind: "read", start: { kind: "tail_offset", offset: 1 } }, records(1, "b")),
  );
  seen("so many before an old tail", "order", (s) =>
    s
      .told(append("a b"), acked(0, 2))
      .told({ kind: "read", start: { kind: "tail_offset", offset: 1 } }, records(0, "a b")),
  );
  allowed("from a timestamp", (s) =>
    s
      .told(append("a b"), acked(0, 2))
      .told({ kind: "read", start: { kind: "timestamp", timestamp: 1001n } }, records(1, "b")),
  );
  for (const [what, first, names] of [
    ["too early", 0, "a b c"],
    ["too late", 2, "c"],
  ] as const) {
    seen(`from a timestamp, but ${what}`, "order", (s) =>
      s
        .told(append("a"), acked(0))
        .told(append("b"), acked(1))
        .told(append("c"), acked(2))
        .told(readFrom(0), records(0, "a b c"))
        .told({ kind: "read", start: { kind: "timestamp", timestamp: 1001n } }, records(first, names)),
    );
  }
});

describe("conditions", () => {
  seen("refused though match_seq_num was true", "order", (s) =>
    s.told(append("a"), acked(0)).told(append("b", { matchSeqNum: 1 }), seqNumMismatch(1)),
  );
  seen("refused by a tail that is stale", "order", (s) =>
    s
      .told(append("a"), acked(0))
      .told(append("b"), acked(1))
      .told(append("c", { matchSeqNum: 2 }), seqNumMismatch(1)),
  );
  seen("refused by a tail that never came", "order", (s) =>
    s
      .told(append("a"), acked(0))
      .told(append("b", { matchSeqNum: 1 }), seqNumMismatch(2))
      .told(CHECK_TAIL, tailIs(1)),
  );
  seen("accepted though match_seq_num was false", "order", (s) =>
    s.told(append("a"), acked(0)).told(append("b", { matchSeqNum: 0 }), acked(1)),
  );
  seen("accepted though the token was false", "order", (s) =>
    s.told(fence("f", "x"), acked(0)).told(append("a", { fencingToken: "y" }), acked(1)),
  );
  seen("refused though the token was true", "order", (s) =>
    s.told(fence("f", "x"), acked(0)).told(append("a", { fencingToken: "x" }), tokenMismatch("x")),
  );
  seen("refused by a stale token", "order", (s) =>
    s
      .told(fence("f", "x"), acked(0))
      .told(fence("g", "y"), acked(1))
      .told(append("a", { fencingToken: "y" }), tokenMismatch("x")),
  );
  seen("refused by the sequence number where the token came first", "order", (s) =>
    s.told(fence("f", "x"), acked(0)).told(append("a", { fencingToken: "y", matchSeqNum: 0 }), seqNumMismatch(1)),
  );
  allowed("refused by a token whose append has an unknown outcome, and that nobody else sees", (s) =>
    s.told(fence("f", "x"), UNKNOWN).told(append("a", { fencingToken: "" }), tokenMismatch("x")),
  );
  allowed("who names no token is not bound by a fence", (s) =>
    s.told(fence("f", "x"), acked(0)).told(append("a"), acked(1)),
  );
});

describe("trimming", () => {
  const abc = (s: Story) => s.told(append("a b c"), acked(0, 3)).told(trim("t", 2), acked(3));
  seen("a trimmed record is served", "order", (s) => abc(s).told(readFrom(0), records(0, "a b c t")));
  seen("a record is hidden that was not trimmed", "order", (s) => abc(s).told(readFrom(0), records(3, "t")));
  allowed("a read begins with the first record kept", (s) => abc(s).told(readFrom(0), records(2, "c t")));
  allowed("a read that overlaps the trim", (s) => {
    s.told(append("a b c"), acked(0, 3));
    const reading = s.begin(readFrom(0));
    s.told(trim("t", 2), acked(3));
    reading.answer(records(0, "a b c t"));
  });
  seen("the trim point moves back", "order", (s) =>
    abc(s).told(trim("u", 0), acked(4)).told(readFrom(0), records(0, "a b c t u")),
  );
  allowed("a trim point beyond the tail stands just behind its command", (s) =>
    s
      .told(trim("t", 99), acked(0))
      .told(readFrom(0), NOTHING)
      .told(append("a"), acked(1))
      .told(readFrom(0), records(1, "a")),
  );
});

describe("creation and deletion", () => {
  seen("404 after the creation", "order", (s) => s.told(CHECK_TAIL, NOT_FOUND));
  seen("created twice", "order", (s) => s.told(CREATE, CREATED));
  seen("409 of a stream that is not there", "order", (s) => {
    s.told(DELETE, { kind: "deleted" }).told(CHECK_TAIL, NOT_FOUND).told(CREATE, { kind: "already-exists" });
  });
  seen("an append after the deletion", "order", (s) => s.told(DELETE, { kind: "deleted" }).told(append("a"), acked(0)));
  seen("a record after the deletion", "order", (s) =>
    s.told(append("a"), acked(0)).told(DELETE, { kind: "deleted" }).told(readFrom(0), records(0, "a")),
  );
  seen("pending without a deletion", "order", (s) => s.told(CHECK_TAIL, { kind: "deletion-pending" }));
  seen("pending after the name was free", "order", (s) => {
    s.told(DELETE, { kind: "deleted" }).told(CHECK_TAIL, NOT_FOUND).told(CHECK_TAIL, { kind: "deletion-pending" });
  });
  allowed("pending, free, and a new stream from 0", (s) => {
    s.told(append("a"), acked(0)).told(DELETE, { kind: "deleted" }).told(CHECK_TAIL, { kind: "deletion-pending" });
    s.told(CHECK_TAIL, NOT_FOUND).told(CREATE, CREATED).told(append("b"), acked(0)).told(readFrom(0), records(0, "b"));
  });
  seen("a new stream shows old records", "order", (s) => {
    s.told(append("a"), acked(0)).told(DELETE, { kind: "deleted" }).told(CREATE, CREATED);
    s.told(readFrom(0), records(0, "a"));
  });
  seen("a session goes on in a new stream", "contents", (s) => {
    const session = s.follow();
    s.told(append("a"), acked(0))
      .told(DELETE, { kind: "deleted" })
      .told(CREATE, CREATED)
      .told(append("b c"), acked(0, 2));
    session.batch([{ id: "a", seqNum: 0, timestamp: 1000n }]);
    session.batch([{ id: "c", seqNum: 1, timestamp: 1001n }]);
  });
  seen("a session goes on in a new stream, further on", "order", (s) => {
    const session = s.follow();
    s.told(append("a"), acked(0)).told(append("b"), acked(1)).told(DELETE, { kind: "deleted" }).told(CREATE, CREATED);
    s.told(append("c d"), acked(0, 2)).told(append("e"), acked(2));
    session.batch([
      { id: "a", seqNum: 0, timestamp: 1000n },
      { id: "b", seqNum: 1, timestamp: 1001n },
    ]);
    session.batch([{ id: "e", seqNum: 2, timestamp: 1002n }]);
  });
  allowed("a deletion of unknown outcome happens, late", (s) => {
    s.told(DELETE, UNKNOWN).told(append("a"), acked(0)).told(CHECK_TAIL, NOT_FOUND);
  });
  seen("a change of the config is forgotten", "order", (s) => {
    s.told({ kind: "ensure", config: { class: "express" } }, { kind: "provisioned", result: "updated" });
    s.told({ kind: "reconfigure", patch: { class: "standard" } }, { kind: "config", config: { class: "standard" } });
    s.told({ kind: "get" }, { kind: "config", config: { class: "express" } });
  });
});

describe("sessions", () => {
  const record = (id: string, seqNum: number) => ({ id, seqNum, timestamp: BigInt(1000 + seqNum) });
  allowed("late events", (s) => {
    const session = s.follow();
    s.told(append("a"), acked(0)).told(append("b"), acked(1));
    session.heartbeat(tail(0));
    session.batch([record("a", 0)], tail(1));
    session.batch([record("b", 1)]);
    session.heartbeat(tail(2));
  });
  seen("a gap", "order", (s) => {
    const session = s.follow();
    s.told(append("a b c"), acked(0, 3));
    session.batch([record("a", 0)]);
    session.batch([record("c", 2)]);
  });
  seen("a record twice", "order", (s) => {
    const session = s.follow();
    s.told(append("a"), acked(0));
    session.batch([record("a", 0)]);
    session.batch([record("a", 0)]);
  });
  seen("tails that go back", "order", (s) => {
    const session = s.follow();
    s.told(append("a"), acked(0));
    session.heartbeat(tail(1));
    session.heartbeat(tail(0));
  });
  seen("a tail older than the session", "order", (s) => {
    s.told(append("a"), acked(0));
    s.follow().heartbeat(tail(0));
  });
  seen("a tail with a batch that is older than the batch", "order", (s) => {
    const session = s.follow();
    s.told(append("a b"), acked(0, 2));
    session.batch([record("a", 0), record("b", 1)], tail(0));
  });
  seen("its appends overtake each other", "order", (s) => {
    const one = s.begin(append("a"), "session");
    const two = s.begin(append("b"), "session");
    one.answer(acked(1));
    two.answer(acked(0));
  });
  seen("an append took effect after one that was refused", "contents", (s) => {
    const one = s.begin(append("a", { matchSeqNum: 9 }), "session");
    const two = s.begin(append("b"), "session");
    one.answer(seqNumMismatch(0));
    two.answer(acked(0));
  });
  seen("an append took effect without one before it", "order", (s) => {
    s.told(append("a"), UNKNOWN, "session").told(append("b"), UNKNOWN, "session");
    s.told(readFrom(0), records(0, "b"));
  });
});

describe("the checker", () => {
  test("judges streams apart", () => {
    const good = historyOf((s) => s.told(append("a"), acked(0)));
    const bad = historyOf((s) => s.told(append("a"), acked(1))).map((each) => ({ ...each, stream: "t" }));
    assert.deepEqual(
      check([...good, ...bad]).map(({ stream }) => stream),
      ["t"],
    );
  });

  test("says how far it came, and what does not fit", () => {
    const [violation] = check(historyOf((s) => s.told(append("a"), acked(0)).told(CHECK_TAIL, tailIs(0))));
    assert.deepEqual(
      violation.longestPrefix.map(({ call }) => call.kind),
      ["create", "append"],
    );
    assert.match(violation.report, /check-tail: tail 0@0\n.*its tail is another/);
  });

  test("takes an undecided history for a violation", () => {
    // Many appends of which any may have happened, with effects that differ, and a tail that none of them can reach: 2^40 ways.
    const violations = check(
      historyOf((s) => {
        for (let i = 0; i < 40; i += 1) s.told({ ...append(`${i}a ${i}b`), fencingToken: "" }, UNKNOWN);
        s.told(CHECK_TAIL, tailIs(41));
      }),
      { searches: 3 },
    );
    assert.deepEqual(
      violations.map(({ kind }) => kind),
      ["gave-up"],
    );
  });

  test("refuses a history in which equal records are appended", () => {
    assert.throws(() => check(historyOf((s) => s.told(append("a"), acked(0)).told(append("a"), acked(1)))));
  });
});

test("a fence that a refusal tells of may stand behind what its session sent before, though nobody has seen any of it", () => {
  const story = new Story();
  story.told(append("a"), acked(0));
  story.told(append("b"), UNKNOWN, "session");
  story.told(fence("f", "mine"), UNKNOWN, "session");
  story.told({ ...append("c"), fencingToken: "" }, tokenMismatch("mine"));
  assert.deepEqual(check(story.history), []);
});
