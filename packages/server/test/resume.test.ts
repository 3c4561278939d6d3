// Sessions of the official SDK whose connections are cut under them: they go on, and nothing is lost, doubled in a reader's eyes, or reordered.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppendInput, AppendRecord, BatchTransform, Producer, type S2Stream } from "@s2-dev/streamstore";
import { FaultyStore, MemoryStore } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { CuttingProxy } from "../../../test/support/cutting-proxy.ts";
import { BASIN, client, HEADERS, serve, type TestServer } from "./support.ts";

let served: TestServer;
let proxy: CuttingProxy;
before(async () => {
  // Slow enough for something to be in flight whenever the connection is cut.
  const store = new FaultyStore(new MemoryStore(), systemRuntime, () => ({ delayBeforeMs: 10 }));
  served = await serve({ store });
  proxy = await CuttingProxy.start(served.url);
});
after(async () => {
  proxy.close();
  await served.stop();
});

const CUTS = 8;
const RETRY = { maxAttempts: 50, minBaseDelayMillis: 5, maxBaseDelayMillis: 20 } as const;

const record = (body: string) => AppendRecord.string({ body });
let names = 0;
/** One stream, through the proxy and straight. */
async function fresh(retry: NonNullable<Parameters<typeof client>[1]>["retry"] = RETRY) {
  const name = `resumed/${names++}`;
  const direct = client(served.url).basin(BASIN).stream(name);
  await client(served.url).basin(BASIN).streams.create({ stream: name });
  return { direct, proxied: client(proxy.url, { retry }).basin(BASIN).stream(name) };
}

async function bodies(stream: S2Stream): Promise<string[]> {
  const all: string[] = [];
  const { tail } = await stream.checkTail();
  while (all.length < tail.seqNum) {
    const batch = await stream.read({ start: { from: { seqNum: all.length } } });
    all.push(...batch.records.map((each) => each.body));
  }
  return all;
}

test("an append session with many batches in flight resumes: what is acknowledged stands where it says, in order", async () => {
  const { direct, proxied } = await fresh();
  const session = await proxied.appendSession();
  const acks: Promise<{ start: { seqNum: number } }>[] = [];
  const connections = proxy.connections;
  const total = 400;
  let acked = 0;
  for (let i = 0; i < total; i += 1) {
    const ticket = await session.submit(AppendInput.create([record(`${i}a`), record(`${i}b`)]));
    const ack = ticket.ack();
    void ack.then(() => {
      acked += 1;
    });
    acks.push(ack);
    // In the middle of what is in flight.
    if (i % (total / CUTS) === 20) {
      await acks[i - 10];
      assert.ok(acked < acks.length);
      proxy.cut();
    }
  }
  const starts = (await Promise.all(acks)).map((ack) => ack.start.seqNum);
  await session.close();
  assert.ok(proxy.connections - connections > CUTS / 2, `${proxy.connections - connections} connections`);
  const stored = await bodies(direct);
  starts.forEach((start, i) => {
    assert.deepEqual(stored.slice(start, start + 2), [`${i}a`, `${i}b`]);
    assert.ok(i === 0 || start > starts[i - 1]);
  });
  // Sent again after an unknown outcome, a batch may stand twice; never in part, and first of all in order.
  const firsts = new Map<string, number>();
  stored.forEach((body, seqNum) => {
    if (!firsts.has(body)) firsts.set(body, seqNum);
    if (body.endsWith("b")) assert.equal(stored[seqNum - 1], body.replace("b", "a"));
  });
  assert.equal(firsts.size, 2 * total);
  assert.deepEqual([...firsts.keys()], Array.from({ length: total }, (_, i) => [`${i}a`, `${i}b`]).flat());
  await proxied.close();
});

test("a session that must not send anything twice fails when it is cut, with all that is acknowledged there once", async () => {
  const { direct, proxied } = await fresh({ ...RETRY, appendRetryPolicy: "noSideEffects" });
  const session = await proxied.appendSession();
  const starts: number[] = [];
  let failed = 0;
  const settled: Promise<void>[] = [];
  for (let i = 0; i < 200 && failed === 0; i += 1) {
    const ticket = await session.submit(AppendInput.create([record(`${i}`)])).catch(() => undefined);
    if (ticket === undefined) break;
    settled.push(
      ticket.ack().then(
        (ack) => {
          starts[i] = ack.start.seqNum;
        },
        () => {
          failed += 1;
        },
      ),
    );
    if (i === 100) {
      await settled[90];
      proxy.cut();
    }
  }
  await Promise.all(settled);
  assert.ok(failed > 0);
  await session.close().catch(() => undefined);
  const stored = await bodies(direct);
  assert.equal(new Set(stored).size, stored.length);
  assert.deepEqual(
    stored,
    stored.map((_, i) => `${i}`),
  );
  starts.forEach((start, i) => {
    assert.equal(start, i);
  });
  await proxied.close();
});

test("a producer's records are acknowledged where they stand, through cuts", async () => {
  const { direct, proxied } = await fresh();
  const producer = new Producer(new BatchTransform({ lingerDurationMillis: 1 }), await proxied.appendSession());
  const tickets = [];
  for (let i = 0; i < 300; i += 1) {
    tickets.push(await producer.submit(record(`${i}`)));
    if (i % 60 === 30) proxy.cut();
  }
  const seqNums = (await Promise.all(tickets.map((ticket) => ticket.ack()))).map((ack) => ack.seqNum());
  await producer.close();
  const stored = await bodies(direct);
  seqNums.forEach((seqNum, i) => {
    assert.equal(stored[seqNum], `${i}`);
  });
  await proxied.close();
});

for (const transport of ["s2s", "fetch"] as const) {
  test(`a reader that follows in real time over ${transport} sees each record once, through cuts`, async () => {
    const { direct } = await fresh();
    const proxied = client(proxy.url, { retry: RETRY }).basin(BASIN).stream(direct.name, { forceTransport: transport });
    const total = 12 * CUTS;
    const seen: number[] = [];
    let connections = proxy.connections;
    const reader = await proxied.readSession({ start: { from: { seqNum: 0 }, clamp: true } });
    const reading = (async () => {
      for await (const each of reader) {
        assert.equal(each.body, `${each.seqNum}`);
        seen.push(each.seqNum);
        if (seen.length === total) return;
      }
    })();
    for (let i = 0; i < total; i += 1) {
      await direct.append(AppendInput.create([record(`${i}`)]));
      if (i % 12 === 6) proxy.cut();
    }
    await reading;
    assert.deepEqual(
      seen,
      Array.from({ length: total }, (_, i) => i),
    );
    connections = proxy.connections - connections;
    assert.ok(connections > CUTS / 2, `${connections} connections`);
    await reader.cancel();
    await proxied.close();
  });
}

test("an event stream resumes after the id that it was left at, with what is left of its limits", async () => {
  const { direct } = await fresh();
  for (let i = 0; i < 30; i += 1) await direct.append(AppendInput.create([record(`${i}`.padEnd(5000, "."))]));
  const seen: string[] = [];
  let lastId: string | undefined;
  let done = false;
  for (let attempt = 0; !done; attempt += 1) {
    assert.ok(attempt < 40);
    const answer = await fetch(
      `${proxy.url}/v1/streams/${encodeURIComponent(direct.name)}/records?seq_num=0&count=25&bytes=1000000`,
      {
        headers: {
          ...HEADERS,
          accept: "text/event-stream",
          ...(lastId === undefined ? {} : { "last-event-id": lastId }),
        },
      },
    );
    let text = "";
    try {
      assert.ok(answer.body !== null);
      for await (const chunk of answer.body) {
        text += Buffer.from(chunk).toString();
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          const event = text.slice(0, end);
          text = text.slice(end + 2);
          if (event === "data: [DONE]") {
            done = true;
            break;
          }
          const data = JSON.parse(event.slice(event.indexOf("\ndata: ") + 7));
          lastId = /^id: (.*)$/m.exec(event)?.[1];
          seen.push(...data.records.map((each: { body: string }) => each.body.slice(0, 2).replace(".", "")));
        }
        if (attempt < 3) proxy.cut();
      }
    } catch (error) {
      // Cut, as it was to be.
      assert.ok(error instanceof TypeError, String(error));
    }
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, i) => `${i}`),
  );
  assert.match(lastId ?? "", /^24,25,/);
});
