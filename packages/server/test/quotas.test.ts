// An operator's quotas, as clients meet them: refused with a promise that nothing happened, or slowed down in a session.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppendInput, AppendRecord, S2Error } from "@s2-dev/streamstore";
import { Engine } from "@tailrace/engine";
import { MemoryStore } from "@tailrace/engine/object-store";
import { type Runtime, systemRuntime } from "@tailrace/engine/runtime";
import { BASIN, client, serve, type TestServer } from "./support.ts";

const ROOT = "the-root-of-these-tests";
const MIB = 1024 * 1024;

/** The system's runtime, but that the monotonic clock stands still between its being moved. Timers go on. */
class HeldClock {
  #nowMs = systemRuntime.clock.monotonicMs();
  readonly runtime: Runtime = {
    ...systemRuntime,
    clock: { ...systemRuntime.clock, monotonicMs: () => this.#nowMs },
  };

  advance(ms: number): void {
    this.#nowMs += ms;
  }
}

const clock = new HeldClock();
let served: TestServer;
before(async () => {
  served = await serve({
    rootToken: ROOT,
    engine: await Engine.open({ runtime: systemRuntime, store: new MemoryStore() }),
    runtime: clock.runtime,
    appendQuotas: { perBasin: { appendBytesPerSecond: MIB }, perToken: { appendsPerSecond: 5 } },
  });
});
after(() => served.stop());

const record = (body: string) => AppendRecord.string({ body });
const as = (accessToken: string) => client(served.url, { accessToken, retry: { maxAttempts: 1 } });
const limited = (error: unknown) => error instanceof S2Error && error.status === 429 && error.code === "rate_limited";

async function issue(id: string): Promise<string> {
  const scope = {
    basins: { prefix: "" },
    streams: { prefix: "" },
    opGroups: { stream: { read: true, write: true } },
  };
  return (await as(ROOT).accessTokens.issue({ id, scope })).accessToken;
}

test("a token appends so often a second, each for itself, and the root as often as it likes", async () => {
  const stream = (token: string) => as(token).basin(BASIN).stream("counted");
  const [one, other] = [await issue("one"), await issue("other")];
  const append = (token: string) => stream(token).append(AppendInput.create([record("a")]));
  for (let i = 0; i < 5; i += 1) await append(one);
  await assert.rejects(append(one), limited);
  const answer = await fetch(`${served.url}/v1/streams/counted/records`, {
    method: "POST",
    headers: { authorization: `Bearer ${one}`, "s2-basin": BASIN, "content-type": "application/json" },
    body: '{"records":[{"body":"a"}]}',
  });
  assert.equal(answer.status, 429);
  const retryAfterMs = Number(answer.headers.get("retry-after-ms"));
  assert.ok(retryAfterMs > 0 && retryAfterMs <= 201, `${retryAfterMs}`);
  await append(other);
  for (let i = 0; i < 10; i += 1) await append(ROOT);
  const { tail } = await stream(ROOT).checkTail();
  assert.equal(tail.seqNum, 16, "what was refused did not happen");
  clock.advance(retryAfterMs);
  await append(one);
  await assert.rejects(append(one), limited);
});

test("a basin takes so many bytes a second, whoever sends them; others are not bound by that", async () => {
  await as(ROOT).basins.create({ basin: "other-basin", config: { createStreamOnAppend: true } });
  clock.advance(60_000);
  const append = (basin: string) =>
    as(ROOT)
      .basin(basin)
      .stream("bytes")
      .append(AppendInput.create([record("x".repeat(700 * 1024))]));
  await append(BASIN);
  // What is left of the second's worth may be overdrawn once.
  await append(BASIN);
  await assert.rejects(append(BASIN), limited);
  await append("other-basin");
  clock.advance(500);
  await append(BASIN);
});

test("a session is read from as fast as the quota allows, and loses nothing", async () => {
  const token = await issue("session");
  const stream = as(token).basin(BASIN).stream("slowed");
  clock.advance(60_000);
  const session = await stream.appendSession();
  const acks: Promise<{ start: { seqNum: number } }>[] = [];
  for (let i = 0; i < 20; i += 1) acks.push((await session.submit(AppendInput.create([record(`${i}`)]))).ack());
  let acknowledged = 0;
  for (const ack of acks)
    void ack.then(() => {
      acknowledged += 1;
    });
  await acks[4];
  // The clock stands: nothing more is within the quota, however long one waits.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(acknowledged, 5);
  const moving = setInterval(() => clock.advance(200), 20);
  const starts = (await Promise.all(acks)).map((ack) => ack.start.seqNum);
  clearInterval(moving);
  assert.deepEqual(
    starts,
    Array.from({ length: 20 }, (_, i) => i),
  );
  await session.close();
});

test("who opens a session for each append appends no more than in one", async () => {
  const token = await issue("sessions");
  const stream = as(token).basin(BASIN).stream("many-sessions");
  clock.advance(60_000);
  const appendInSession = async () => {
    const session = await stream.appendSession();
    await (await session.submit(AppendInput.create([record("a")]))).ack();
    await session.close();
  };
  for (let i = 0; i < 5; i += 1) await appendInSession();
  let acknowledged = 0;
  const more = Array.from({ length: 3 }, () =>
    appendInSession().then(() => {
      acknowledged += 1;
    }),
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(acknowledged, 0, "the clock stands");
  const moving = setInterval(() => clock.advance(200), 20);
  await Promise.all(more);
  clearInterval(moving);
});

test("a basin has so many streams, however they are made; a deletion makes room", async (t) => {
  const engine = await Engine.open({ runtime: systemRuntime, store: new MemoryStore(), streamsPerBasin: 3 });
  const bounded = await serve({ engine });
  t.after(() => bounded.stop());
  const full = (error: unknown) => error instanceof S2Error && error.status === 403 && error.code === "quota_exhausted";
  const basin = client(bounded.url, { retry: { maxAttempts: 1 } }).basin(BASIN);
  const made = await Promise.allSettled(
    Array.from({ length: 10 }, (_, i) => basin.streams.create({ stream: `s${i}` })),
  );
  const refused = made.filter((outcome) => outcome.status === "rejected");
  assert.equal(refused.length, 7);
  for (const { reason } of refused) assert.ok(full(reason));
  await assert.rejects(basin.streams.ensure({ stream: "more" }), full);
  await assert.rejects(basin.stream("more").append(AppendInput.create([record("a")])), full);
  const [first] = (await basin.streams.list()).streams;
  await basin.streams.ensure({ stream: first.name });
  await basin.streams.delete({ stream: first.name });
  for (let i = 0; i < 200; i += 1) {
    const done = await basin.streams.create({ stream: "more" }).then(
      () => true,
      (error: unknown) => {
        assert.ok(full(error));
        return false;
      },
    );
    if (done) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok((await basin.streams.list()).streams.some(({ name }) => name === "more"));
});
