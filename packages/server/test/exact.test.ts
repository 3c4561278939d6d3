// Numbers beyond what a double holds, end to end: with the official SDK as far as it can carry them, and plainly where it cannot.
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { after, before, test } from "node:test";
import { AppendInput, AppendRecord, S2Error } from "@s2-dev/streamstore";
import { FaultyStore, MemoryStore } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { BASIN, client, HEADERS, serve, type TestServer } from "./support.ts";

let served: TestServer;
let store: FaultyStore;
before(async () => {
  store = new FaultyStore(new MemoryStore(), systemRuntime);
  served = await serve({ store });
  await client(served.url)
    .basin(BASIN)
    .streams.create({ stream: "exact", config: { timestamping: { uncapped: true } } });
});
after(() => served.stop());

/** The last moment that a Date knows. */
const LAST_DATE = 8_640_000_000_000_000;
const BEYOND = [9_007_199_254_740_993n, 2n ** 63n, 2n ** 63n + 1n, 2n ** 64n - 2n, 2n ** 64n - 1n];
const PATH = "/v1/streams/exact/records";

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left >= 0x80n; left >>= 7n) bytes.push(Number(left & 0x7fn) | 0x80);
  bytes.push(Number(left));
  return Buffer.from(bytes);
}

test("the SDK carries timestamps as far as dates go, over both transports", async () => {
  for (const transport of ["s2s", "fetch"] as const) {
    const stream = client(served.url).basin(BASIN).stream("exact", { forceTransport: transport });
    const session = await stream.appendSession();
    const ticket = await session.submit(
      AppendInput.create([AppendRecord.string({ body: transport, timestamp: LAST_DATE })]),
    );
    const ack = await ticket.ack();
    assert.equal(ack.start.timestamp.getTime(), LAST_DATE);
    await session.close();
    const { records } = await stream.read({ start: { from: { seqNum: ack.start.seqNum } } });
    assert.equal(records[0].timestamp.getTime(), LAST_DATE);
    const reader = await stream.readSession({ start: { from: { timestamp: LAST_DATE } } });
    for await (const record of reader) {
      assert.equal(record.timestamp.getTime(), LAST_DATE);
      break;
    }
    await stream.close();
  }
});

test("every u64 comes out as it went in: JSON, protobuf, sessions and event streams, acknowledgements and starts", async () => {
  const call = (query: string, init: RequestInit = {}) =>
    fetch(`${served.url}${PATH}${query}`, { ...init, headers: { ...HEADERS, ...init.headers } });
  for (const timestamp of BEYOND) {
    const digits = varint(timestamp);
    const body = `{"records":[{"timestamp":${timestamp}}]}`;
    const json = { "content-type": "application/json" };
    const ack = await (await call("", { method: "POST", headers: json, body })).text();
    const seqNum = JSON.parse(ack).start.seq_num;
    assert.equal(ack.split(`"timestamp":${timestamp}}`).length, 4, ack);
    const record = Buffer.concat([Buffer.from([0x08]), digits]);
    const proto = { "content-type": "application/protobuf", accept: "application/protobuf" };
    const input = Buffer.concat([Buffer.from([0x0a, record.length]), record]);
    const protoAck = Buffer.from(await (await call("", { method: "POST", headers: proto, body: input })).arrayBuffer());
    assert.ok(protoAck.includes(Buffer.concat([Buffer.from([0x10]), digits])));
    for (const start of [`seq_num=${seqNum}`, `timestamp=${timestamp}`]) {
      const query = `?${start}&count=1`;
      const found = `"seq_num":${seqNum},"timestamp":${timestamp}`;
      assert.ok((await (await call(query)).text()).includes(found));
      const events = await (await call(query, { headers: { accept: "text/event-stream" } })).text();
      assert.ok(events.includes(found));
      const tagged = Buffer.concat([Buffer.from([0x10]), digits]);
      for (const headers of [{ accept: "application/protobuf" }, { "content-type": "s2s/proto" }])
        assert.ok(Buffer.from(await (await call(query, { headers })).arrayBuffer()).includes(tagged));
    }
    const tail = await (await call("/tail")).text();
    assert.ok(tail.includes(`"timestamp":${timestamp}`), tail);
  }
  // Until is exclusive, and compared exactly.
  const until = await (await call(`?timestamp=${BEYOND[1]}&until=${BEYOND[2]}`)).text();
  assert.equal(until.split(`"timestamp":${BEYOND[1]}`).length, 3);
  assert.ok(!until.includes(`"timestamp":${BEYOND[2]}`));
  // A condition beyond 2^53 fails with the number that is there.
  const mismatch = await call("", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"records":[{}],"match_seq_num":18446744073709551615}',
  });
  assert.equal(mismatch.status, 412);
  assert.deepEqual(JSON.parse(await mismatch.text()), { seq_num_mismatch: 2 + 2 * BEYOND.length });
});

test("what the store refuses for a while is an unknown outcome that the SDK tries again, and a refusal that it does not", async () => {
  const stream = client(served.url, { retry: { maxAttempts: 20, minBaseDelayMillis: 5, maxBaseDelayMillis: 50 } })
    .basin(BASIN)
    .stream("retried");
  await stream.append(AppendInput.create([AppendRecord.string({ body: "a" })]));
  let refused = 0;
  store.hook = (operation) => {
    if (operation.kind !== "putIfAbsent" || refused === 3) return undefined;
    refused += 1;
    return { failBefore: "unavailable" };
  };
  await stream.append(AppendInput.create([AppendRecord.string({ body: "b" })]));
  assert.equal(refused, 3);
  assert.equal((await stream.checkTail()).tail.seqNum, 2);
  const once = client(served.url, { retry: { maxAttempts: 1 } })
    .basin(BASIN)
    .stream("retried");
  let asked = 0;
  store.hook = () => {
    asked += 1;
    return { failBefore: "unavailable" };
  };
  await assert.rejects(
    once.append(AppendInput.create([AppendRecord.string({ body: "c" })])),
    (error) =>
      error instanceof S2Error && error.status === 503 && error.code === "unavailable" && !error.hasNoSideEffects(),
  );
  assert.ok(asked > 0);
  store.hook = () => undefined;
  await stream.append(AppendInput.create([AppendRecord.string({ body: "d" })]));
  await stream.close();
  await once.close();
});

test("compression is there on the wire, both ways and with both algorithms", async () => {
  const { CuttingProxy } = await import("../../../test/support/cutting-proxy.ts");
  const bytes: Record<string, [up: number, down: number]> = {};
  for (const compression of ["none", "zstd", "gzip"] as const) {
    const proxy = await CuttingProxy.start(served.url);
    const stream = client(proxy.url, { compression }).basin(BASIN).stream(`packed-${compression}`);
    const session = await stream.appendSession();
    const body = "compressible ".repeat(8_000);
    const tickets = [];
    for (let i = 0; i < 10; i += 1)
      tickets.push(await session.submit(AppendInput.create([AppendRecord.string({ body })])));
    await Promise.all(tickets.map((ticket) => ticket.ack()));
    await session.close();
    let read = 0;
    for await (const record of await stream.readSession({
      start: { from: { seqNum: 0 } },
      stop: { limits: { count: 10 } },
    })) {
      assert.equal(record.body, body);
      read += 1;
    }
    assert.equal(read, 10);
    await stream.close();
    bytes[compression] = [proxy.bytesUp, proxy.bytesDown];
    proxy.close();
  }
  for (const way of [0, 1]) {
    assert.ok(bytes.none[way] > 1_000_000);
    for (const compression of ["zstd", "gzip"])
      assert.ok(bytes[compression][way] < 100_000, `${compression} ${bytes[compression]}`);
  }
});

test("a session that HTTP/2 carries ends with an HTTP status when it never began", async () => {
  const connection = connectHttp2(served.url);
  const status = (headers: Record<string, string>) =>
    new Promise((resolve) => {
      const stream = connection.request({ "content-type": "s2s/proto", ...headers });
      stream.on("response", (answer) => resolve(answer[":status"]));
      stream.resume();
      stream.end();
    });
  assert.equal(await status({ ...HEADERS, ":path": "/v1/streams/absent/records" }), 404);
  assert.equal(await status({ ...HEADERS, ":path": `${PATH}?seq_num=999` }), 416);
  assert.equal(await status({ ":path": PATH }), 400);
  connection.destroy();
});
