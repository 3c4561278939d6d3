// How streams and basins come and go, as the official SDK sees it: first requests in a crowd, ensure beside create, names used again.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AppendInput, AppendRecord, S2Error } from "@s2-dev/streamstore";
import { client, serve, type TestServer } from "./support.ts";

const BASIN = "lifecycle-basin";
const CROWD = 300;

let served: TestServer;
before(async () => {
  served = await serve();
  await s2().basins.create({
    basin: BASIN,
    config: {
      createStreamOnAppend: true,
      createStreamOnRead: true,
      defaultStreamConfig: { timestamping: { uncapped: true } },
    },
  });
});
after(() => served.stop());

/** Without retries of its own: what fails is seen. */
const s2 = () => client(served.url, { retry: { maxAttempts: 1 } });
const record = (body: string) => AppendRecord.string({ body });
const refused = (status: number, code: string) => (error: unknown) =>
  error instanceof S2Error && error.status === status && error.code === code;
let names = 0;
const fresh = () => `lifecycle/${names++}`;

describe("a crowd of first requests finds one stream", () => {
  test("by appends", async () => {
    const stream = s2().basin(BASIN).stream(fresh());
    const appends = Array.from({ length: CROWD }, (_, i) => stream.append(AppendInput.create([record(`${i}`)])));
    const starts = (await Promise.all(appends)).map((ack) => ack.start.seqNum);
    assert.deepEqual(
      starts.toSorted((a, b) => a - b),
      Array.from({ length: CROWD }, (_, i) => i),
    );
    await stream.close();
  });

  test("by reads and checks of the tail", async () => {
    const stream = s2().basin(BASIN).stream(fresh());
    const reads = Array.from({ length: CROWD }, (_, i) =>
      i % 2 === 0 ? stream.checkTail() : stream.read({ start: { from: { seqNum: 0 } }, stop: { waitSecs: 1 } }),
    );
    for (const outcome of await Promise.allSettled(reads)) assert.equal(outcome.status, "fulfilled");
    await stream.close();
  });

  test("by everything at once, creations among them", async () => {
    const name = fresh();
    const basin = s2().basin(BASIN);
    const stream = basin.stream(name);
    const requests = Array.from({ length: CROWD }, (_, i): Promise<unknown> => {
      if (i % 3 === 0) return stream.append(AppendInput.create([record(`${i}`)]));
      return i % 3 === 1 ? basin.streams.ensure({ stream: name }) : stream.checkTail();
    });
    await Promise.all(requests);
    await assert.rejects(basin.streams.create({ stream: name }), refused(409, "resource_already_exists"));
    assert.equal((await stream.checkTail()).tail.seqNum, CROWD / 3);
    await stream.close();
  });

  test("by sessions", async () => {
    const name = fresh();
    const sessions = await Promise.all(
      Array.from({ length: 40 }, () => s2().basin(BASIN).stream(name).appendSession()),
    );
    const acks = await Promise.all(
      sessions.map(async (session, i) => (await session.submit(AppendInput.create([record(`${i}`)]))).ack()),
    );
    assert.equal(new Set(acks.map((ack) => ack.start.seqNum)).size, 40);
    await Promise.all(sessions.map((session) => session.close()));
  });
});

test("a request may say what the stream that it creates is to be, and says it in vain of one that exists", async () => {
  const name = fresh();
  const post = (config: string) =>
    fetch(`${served.url}/v1/streams/${encodeURIComponent(name)}/records`, {
      method: "POST",
      headers: { "s2-basin": BASIN, "content-type": "application/json", "s2-stream-config": config },
      body: '{"records":[{"body":"a"}]}',
    });
  for (const bad of ["{", "[]", '{"retention_policy":{"age":0}}', '{"timestamping":{"mode":"never"}}', '"express"']) {
    const answer = await post(bad);
    assert.equal(answer.status, 400, bad);
    assert.equal(((await answer.json()) as { code: string }).code, "bad_header");
  }
  assert.equal((await post('{"storage_class":"standard","retention_policy":{"infinite":{}}}')).status, 200);
  const { streams } = s2().basin(BASIN);
  const config = await streams.getConfig({ stream: name });
  assert.equal(config.storageClass, "standard");
  assert.deepEqual(config.retentionPolicy, { infinite: {} });
  assert.equal(config.timestamping?.uncapped, true, "the basin's default beneath it");
  assert.equal((await post('{"storage_class":"express"}')).status, 200);
  assert.equal((await streams.getConfig({ stream: name })).storageClass, "standard");
  // Check-tail does not look at it.
  const other = fresh();
  const headers = { "s2-basin": BASIN, "s2-stream-config": "{" };
  const tail = await fetch(`${served.url}/v1/streams/${encodeURIComponent(other)}/records/tail`, { headers });
  assert.equal(tail.status, 200);
});

test("create, create again with and without its token, ensure, delete, and create anew", async () => {
  const stream = fresh();
  const send = (method: string, path: string, body: object, token?: string) =>
    fetch(`${served.url}/v1${path}`, {
      method,
      headers: {
        "s2-basin": BASIN,
        "content-type": "application/json",
        ...(token === undefined ? {} : { "s2-request-token": token }),
      },
      body: JSON.stringify(body),
    }).then((answer) => [answer.status, answer.headers.get("s2-provision-result")]);
  const path = `/streams/${encodeURIComponent(stream)}`;
  const config = { storage_class: "standard" };
  assert.deepEqual(await send("POST", "/streams", { stream, config }, "once"), [201, "created"]);
  assert.deepEqual(await send("POST", "/streams", { stream, config }, "once"), [201, "noop"]);
  assert.deepEqual(await send("POST", "/streams", { stream }, "once"), [409, null]);
  assert.deepEqual(await send("POST", "/streams", { stream, config }, "twice"), [409, null]);
  assert.deepEqual(await send("POST", "/streams", { stream, config }), [409, null]);
  assert.deepEqual(await send("PUT", path, config), [200, "noop"]);
  assert.deepEqual(await send("PUT", path, { retention_policy: { age: 60 } }), [200, "updated"]);
  const { streams } = s2().basin(BASIN);
  assert.equal((await streams.getConfig({ stream })).storageClass, "express", "what is left out falls back");
  // The token of its creation is kept through the change.
  assert.deepEqual(await send("POST", "/streams", { stream, config }, "once"), [201, "noop"]);
  await s2()
    .basin(BASIN)
    .stream(stream)
    .append(AppendInput.create([record("old")]));
  await streams.delete({ stream });
  await streams.delete({ stream });
  assert.deepEqual(await send("POST", "/streams", { stream, config }, "once"), [409, null]);
  for (let i = 0; i < 200; i += 1) {
    const [status] = await send("PUT", path, {});
    if (status === 201) break;
    assert.equal(status, 409);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { tail } = await s2().basin(BASIN).stream(stream).checkTail();
  assert.equal(tail.seqNum, 0, "what was there is not revived");
});

test("a stream that is deleted while it is written and read ends both", async () => {
  const stream = s2().basin(BASIN).stream(fresh());
  const appending = await stream.appendSession();
  await (await appending.submit(AppendInput.create([record("a")]))).ack();
  const reading = await stream.readSession({ start: { from: { seqNum: 0 } } });
  const followed = (async () => {
    for await (const each of reading) assert.equal(each.body, "a");
  })();
  await s2().basin(BASIN).streams.delete({ stream: stream.name });
  await assert.rejects(followed, refused(409, "stream_deletion_pending"));
  await assert.rejects(async () => (await appending.submit(AppendInput.create([record("b")]))).ack());
  await appending.close().catch(() => undefined);
  await assert.rejects(
    stream.append(AppendInput.create([record("c")])),
    (error) => error instanceof S2Error && error.status === 409,
  );
  await stream.close();
});
