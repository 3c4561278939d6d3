// The official SDK against the server: whatever crosses the wire is spoken by the client that users have.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  AppendInput,
  AppendRecord,
  BatchTransform,
  FencingTokenMismatchError,
  Producer,
  RangeNotSatisfiableError,
  S2Error,
  SeqNumMismatchError,
} from "@s2-dev/streamstore";
import { BASIN, client, serve, type TestServer } from "./support.ts";

let served: TestServer;
before(async () => {
  served = await serve();
});
after(() => served.stop());

const record = (body: string) => AppendRecord.string({ body });
let names = 0;
const fresh = () => `stream/${names++}`;

for (const compression of ["none", "zstd", "gzip"] as const) {
  describe(`sessions with compression ${compression}`, () => {
    test("hundreds of appends in flight are acknowledged in order, and followed in real time", async () => {
      const stream = client(served.url, { compression }).basin(BASIN).stream(fresh());
      await stream.append(AppendInput.create([record("first")]));
      const reading = (async () => {
        const bodies: string[] = [];
        const session = await stream.readSession({ start: { from: { seqNum: 0 } } });
        for await (const each of session) {
          bodies.push(each.body);
          if (bodies.length === 1501) break;
        }
        await session.cancel();
        return bodies;
      })();
      const session = await stream.appendSession();
      const acks: Promise<{ start: { seqNum: number } }>[] = [];
      const filler = "compressible ".repeat(200);
      for (let i = 0; i < 500; i += 1) {
        const ticket = await session.submit(
          AppendInput.create([record(`${i}a ${filler}`), record(`${i}b`), record(`${i}c`)]),
        );
        acks.push(ticket.ack());
      }
      const starts = (await Promise.all(acks)).map((ack) => ack.start.seqNum);
      assert.deepEqual(
        starts,
        Array.from({ length: 500 }, (_, i) => 1 + 3 * i),
      );
      await session.close();
      const bodies = await reading;
      assert.equal(bodies[0], "first");
      for (let i = 0; i < 500; i += 1) assert.equal(bodies[1 + 3 * i], `${i}a ${filler}`);
      await stream.close();
    });
  });
}

test("a producer's records are acknowledged where they stand", async () => {
  const stream = client(served.url).basin(BASIN).stream(fresh());
  const producer = new Producer(new BatchTransform({ lingerDurationMillis: 5 }), await stream.appendSession());
  const tickets = [];
  for (let i = 0; i < 100; i += 1) tickets.push(await producer.submit(record(`${i}`)));
  const acks = await Promise.all(tickets.map((ticket) => ticket.ack()));
  assert.deepEqual(
    acks.map((ack) => ack.seqNum()),
    Array.from({ length: 100 }, (_, i) => i),
  );
  await producer.close();
  await stream.close();
});

test("every refusal is an error that the SDK knows", async () => {
  const s2 = client(served.url);
  const basin = s2.basin(BASIN);
  const stream = basin.stream(fresh());
  await stream.append(AppendInput.create([record("a")]));
  await assert.rejects(
    stream.append(AppendInput.create([record("b")], { matchSeqNum: 7 })),
    (error) => error instanceof SeqNumMismatchError && error.expectedSeqNum === 1,
  );
  await stream.append(AppendInput.create([AppendRecord.fence("mine")]));
  await assert.rejects(
    stream.append(AppendInput.create([record("b")], { fencingToken: "other" })),
    (error) => error instanceof FencingTokenMismatchError && error.expectedFencingToken === "mine",
  );
  await assert.rejects(stream.read({ start: { from: { seqNum: 99 } } }), RangeNotSatisfiableError);
  const code = (expected: string, status: number) => (error: unknown) =>
    error instanceof S2Error && error.code === expected && error.status === status;
  await assert.rejects(basin.stream("no-such-stream").checkTail(), code("stream_not_found", 404));
  await assert.rejects(s2.basin("no-such-basin").stream("x").checkTail(), code("basin_not_found", 404));
  await assert.rejects(s2.basins.create({ basin: BASIN }), code("resource_already_exists", 409));
  await assert.rejects(
    basin.streams.create({ stream: "x", config: { retentionPolicy: { ageSecs: 0 } } }),
    (error) => error instanceof S2Error,
  );
  await stream.close();
});

test("streams are created, listed, reconfigured and deleted", async () => {
  const { streams } = client(served.url).basin(BASIN);
  await streams.create({ stream: "managed/one", config: { storageClass: "standard" } });
  await streams.create({ stream: "managed/two" });
  const page = await streams.list({ prefix: "managed/" });
  assert.deepEqual(
    page.streams.map((stream) => stream.name),
    ["managed/one", "managed/two"],
  );
  assert.equal((await streams.getConfig({ stream: "managed/one" })).storageClass, "standard");
  await streams.reconfigure({ stream: "managed/one", storageClass: "express" });
  assert.equal((await streams.getConfig({ stream: "managed/one" })).storageClass, "express");
  await streams.delete({ stream: "managed/one" });
  await streams.delete({ stream: "managed/one" });
});

test("with a root token, another is refused", async (t) => {
  const guarded = await serve({ rootToken: "the root token".replaceAll(" ", "-") });
  t.after(() => guarded.stop());
  await assert.rejects(client(guarded.url).basins.list(), (error) => error instanceof S2Error && error.status === 401);
  const page = await client(guarded.url, { accessToken: "the-root-token" }).basins.list();
  assert.equal(page.basins[0].name, BASIN);
});

test("a draining server acknowledges what it accepted, and tells sessions to go", async () => {
  const draining = await serve();
  const stream = client(draining.url, { retry: { maxAttempts: 1 } })
    .basin(BASIN)
    .stream("s");
  const session = await stream.appendSession();
  const ticket = await session.submit(AppendInput.create([record("accepted")]));
  const acked = ticket.ack();
  await acked;
  const reader = await client(draining.url, { retry: { maxAttempts: 1 } })
    .basin(BASIN)
    .stream("s")
    .readSession({ start: { from: { seqNum: 0 } } });
  const seen: string[] = [];
  const followed = (async () => {
    for await (const each of reader) {
      seen.push(each.body);
      void draining.server.drain(3_000).then(() => draining.stop());
    }
  })();
  await assert.rejects(followed);
  assert.deepEqual(seen, ["accepted"]);
  await session.close().catch(() => undefined);
});
