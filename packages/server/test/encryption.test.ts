// Encrypted streams as clients meet them: the official SDK with its keys, plain HTTP with every misuse, and nothing that tells a key.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { AppendInput, AppendRecord, S2Error } from "@s2-dev/streamstore";
import { MemoryStore } from "@tailrace/engine/object-store";
import { lengthen } from "./long-stream.ts";
import { client, serve, type TestServer } from "./support.ts";

const store = new MemoryStore();
const logged: string[] = [];
const answered: string[] = [];
let served: TestServer;
before(async () => {
  served = await serve({
    store,
    logger: {
      info: (fields, message) => logged.push(message, JSON.stringify(fields)),
      error: (fields, message) => logged.push(message, JSON.stringify(fields)),
    },
  });
});
after(() => served.stop());

const KEY = randomBytes(32);
const OTHER_KEY = randomBytes(32);
const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");

async function call(path: string, init: RequestInit & { headers: Record<string, string> }) {
  const response = await fetch(`${served.url}${path}`, init);
  const text = await response.text();
  answered.push(text);
  return { status: response.status, text, code: text.startsWith("{") ? JSON.parse(text).code : undefined };
}

for (const cipher of ["aegis-256", "aes-256-gcm"] as const) {
  describe(cipher, () => {
    const basin = `encrypted-${cipher}`;
    const headers = (key?: string): Record<string, string> => ({
      "s2-basin": basin,
      "content-type": "application/json",
      ...(key === undefined ? {} : { "s2-encryption-key": key }),
    });
    const append = (stream: string, key: string | undefined, body: object) =>
      call(`/v1/streams/${stream}/records`, { method: "POST", headers: headers(key), body: JSON.stringify(body) });
    const read = (stream: string, key: string | undefined, more: Record<string, string> = {}) =>
      call(`/v1/streams/${stream}/records?seq_num=0&wait=0`, { headers: { ...headers(key), ...more } });

    before(async () => {
      const s2 = client(served.url);
      await s2.basins.create({
        basin,
        config: { streamCipher: cipher, createStreamOnAppend: true, createStreamOnRead: true },
      });
      assert.equal((await s2.basins.getConfig({ basin })).streamCipher, cipher);
    });

    test("the SDK appends and reads with a key, one by one and in sessions", async () => {
      const b = client(served.url).basin(basin);
      await b.streams.create({ stream: "sdk" });
      const listed = await b.streams.list({ prefix: "sdk" });
      assert.equal(listed.streams[0].cipher, cipher);
      const stream = b.stream("sdk", { encryptionKey: KEY });
      await stream.append(
        AppendInput.create([AppendRecord.string({ body: "needle one", headers: [["h", "needle h"]] })]),
      );
      const session = await stream.appendSession();
      const tickets = [];
      for (let i = 0; i < 50; i += 1) {
        const records = [AppendRecord.string({ body: `needle ${i} ${"x".repeat(i * 1000)}` })];
        tickets.push(await session.submit(AppendInput.create(records)));
      }
      const acks = await Promise.all(tickets.map((ticket) => ticket.ack()));
      assert.deepEqual(
        acks.map((ack) => ack.start.seqNum),
        Array.from({ length: 50 }, (_, i) => 1 + i),
      );
      await session.close();
      const unary = await stream.read({ start: { from: { seqNum: 0 } } });
      assert.equal(unary.records[0].body, "needle one");
      assert.deepEqual(unary.records[0].headers, [["h", "needle h"]]);
      const reader = await stream.readSession({ start: { from: { seqNum: 0 } }, stop: { limits: { count: 51 } } });
      const bodies: string[] = [];
      for await (const record of reader) bodies.push(record.body);
      assert.equal(bodies.length, 51);
      assert.equal(bodies[50], `needle 49 ${"x".repeat(49_000)}`);

      const wrong = b.stream("sdk", { encryptionKey: OTHER_KEY });
      const refused = (error: unknown) =>
        error instanceof S2Error && error.code === "decryption_failed" && error.status === 400;
      await assert.rejects(wrong.read({ start: { from: { seqNum: 0 } } }), refused);
      await assert.rejects(async () => {
        for await (const record of await wrong.readSession({ start: { from: { seqNum: 0 } } }))
          assert.fail(record.body);
      }, refused);
      await assert.rejects(
        b.stream("sdk").append(AppendInput.create([AppendRecord.string({ body: "needle" })])),
        (error) => error instanceof S2Error && error.code === "bad_header" && error.status === 400,
      );
      assert.equal((await b.stream("sdk").checkTail()).tail.seqNum, 51);
      await stream.close();
      await wrong.close();
    });

    test("every misuse of a key has its answer", async () => {
      const one = { records: [{ body: "needle" }] };
      const fence = { records: [{ headers: [["", "fence"]], body: "" }] };
      for (const body of [one, fence]) {
        for (const key of [undefined, "short", base64(randomBytes(31)), base64(KEY).replace("=", "")]) {
          const { status, code } = await append("misused", key, body);
          assert.deepEqual([status, code], [400, "bad_header"], String(key));
        }
      }
      for (const key of [" ", "x".repeat(45)]) {
        assert.equal((await append("misused", key, one)).code, "bad_header");
        // In the clear, too, it must have the length of a key; else it does not matter.
        const plain = (value: string) =>
          call("/v1/streams/plain/records", {
            method: "POST",
            headers: { ...headers(value), "s2-basin": "server-tests" },
            body: JSON.stringify({ records: [{ body: "in the clear" }] }),
          });
        assert.equal((await plain(key)).code, "bad_header");
        assert.equal((await plain("nonsense")).status, 200);
      }
      assert.equal((await read("misused", undefined)).code, "bad_header");
      assert.equal((await read("misused", undefined, { accept: "text/event-stream" })).code, "bad_header");
      assert.equal((await read("misused", undefined, { "content-type": "s2s/proto" })).code, "bad_header");
      const tail = await call("/v1/streams/misused/records/tail", { headers: headers() });
      assert.equal(tail.text, '{"tail":{"seq_num":0,"timestamp":0}}');
    });

    test("a request that is refused for its key creates no stream", async () => {
      const one = { records: [{ body: "needle" }] };
      for (const key of [undefined, "short"]) {
        assert.equal((await append("never", key, one)).code, "bad_header");
        for (const more of [{}, { accept: "text/event-stream" }, { "content-type": "s2s/proto" }])
          assert.equal((await read("never", key, more)).code, "bad_header");
        const session = await call("/v1/streams/never/records", {
          method: "POST",
          headers: { ...headers(key), "content-type": "s2s/proto" },
        });
        assert.equal(session.code, "bad_header");
      }
      assert.deepEqual((await client(served.url).basin(basin).streams.list({ prefix: "never" })).streams, []);
    });

    test("a key that fails half-way ends a session where it fails, after what it opens", async () => {
      assert.equal((await append("mixed", base64(KEY), { records: [{ body: "mine" }] })).status, 200);
      assert.equal((await append("mixed", base64(OTHER_KEY), { records: [{ body: "theirs" }] })).status, 200);
      const events = await read("mixed", base64(KEY), { accept: "text/event-stream" });
      assert.equal(events.status, 200);
      assert.match(
        events.text,
        /^event: batch\nid: 0,1,12\ndata: \{"records":\[\{"seq_num":0,[^\n]*"body":"mine"\}\]\}\n\nevent: error\ndata: \{"code":"decryption_failed"[^\n]*\n\n$/,
      );
      const frames = await fetch(`${served.url}/v1/streams/mixed/records?seq_num=0&wait=0`, {
        headers: { ...headers(base64(KEY)), "content-type": "s2s/proto" },
      });
      const bytes = Buffer.from(await frames.arrayBuffer());
      const last = bytes.lastIndexOf('{"code":"decryption_failed"');
      // A terminal frame: flag, then status 400.
      assert.equal(bytes[last - 3], 0x80);
      assert.equal(bytes.readUInt16BE(last - 2), 400);
      assert.ok(bytes.indexOf("mine") > 0 && bytes.indexOf("mine") < last);
      assert.equal(bytes.includes("theirs"), false);
    });

    test("commands need a key and are read without being sealed", async () => {
      const fenced = await append("commands", base64(KEY), {
        records: [{ headers: [["", "fence"]], body: "tok" }, { body: "needle" }],
      });
      assert.equal(fenced.status, 200);
      const other = await read("commands", base64(OTHER_KEY));
      assert.equal(other.status, 200);
      const { records } = JSON.parse(other.text);
      assert.equal(records.length, 1);
      assert.deepEqual(records[0].headers, [["", "fence"]]);
      assert.equal(records[0].body, "tok");
    });
  });
}

test("a cipher that does not exist is refused, and a basin's can be changed for streams to come", async () => {
  const basin = "cipher-config";
  const patch = (body: string) =>
    call(`/v1/basins/${basin}`, { method: "PATCH", headers: { "content-type": "application/json" }, body });
  const unknown = await call("/v1/basins", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ basin, config: { stream_cipher: "rot-13" } }),
  });
  assert.deepEqual([unknown.status, unknown.code], [400, "bad_json"]);
  await client(served.url).basins.create({ basin, config: { streamCipher: "aegis-256" } });
  assert.equal(JSON.parse((await patch("{}")).text).stream_cipher, "aegis-256");
  assert.equal(JSON.parse((await patch('{"stream_cipher":"aes-256-gcm"}')).text).stream_cipher, "aes-256-gcm");
  assert.equal(JSON.parse((await patch('{"stream_cipher":null}')).text).stream_cipher, null);
});

test("a stream with AES-256-GCM ends at sequence number 2^32 - 1, and says so; commands may follow", async (t) => {
  const place = new MemoryStore();
  const basin = "nearly-full-basin";
  const headers = { "s2-basin": basin, "content-type": "application/json", "s2-encryption-key": base64(KEY) };
  const path = "/v1/streams/long/records";
  const first = await serve({ store: place });
  await client(first.url).basins.create({ basin, config: { streamCipher: "aes-256-gcm", createStreamOnAppend: true } });
  const one = { records: [{ body: "a" }] };
  const begun = await fetch(first.url + path, { method: "POST", headers, body: JSON.stringify(one) });
  assert.equal(begun.status, 200);
  await first.stop();
  const last = 2 ** 32 - 1;
  await lengthen(place, "long", last - 1);

  const second = await serve({ store: place });
  t.after(() => second.stop());
  const append = async (body: object) => {
    const answer = await fetch(second.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return [answer.status, (await answer.json()) as { code?: string; start?: { seq_num: number } }] as const;
  };
  const ended = async (body: object) => {
    const [status, { code }] = await append(body);
    assert.deepEqual([status, code], [422, "invalid"]);
  };
  const tail = async () => (await client(second.url).basin(basin).stream("long").checkTail()).tail.seqNum;
  assert.equal(await tail(), last - 1);
  assert.equal((await append(one))[1].start?.seq_num, last - 1);
  await ended({ records: [{ body: "a" }, { body: "b" }] });
  assert.equal(await tail(), last, "nothing of it happened");
  assert.equal((await append(one))[1].start?.seq_num, last);
  await ended(one);
  // A session says it in a terminal frame.
  const stream = client(second.url, { retry: { maxAttempts: 1 } })
    .basin(basin)
    .stream("long", { encryptionKey: KEY });
  const session = await stream.appendSession();
  const refused = await session.submit(AppendInput.create([AppendRecord.string({ body: "a" })]));
  await assert.rejects(
    refused.ack(),
    (error) => error instanceof S2Error && error.status === 422 && error.code === "invalid",
  );
  await session.close().catch(() => undefined);
  assert.equal((await append({ records: [{ headers: [["", "fence"]], body: "f" }] }))[1].start?.seq_num, last + 1);
  const { records } = await stream.read({ start: { from: { seqNum: last - 1 } } });
  assert.deepEqual(
    records.map(({ seqNum, body }) => [seqNum, body]),
    [
      [last - 1, "a"],
      [last, "a"],
      [last + 1, "f"],
    ],
  );
  await stream.close();
});

test("no key and no text of an encrypted stream is in the store, in a log or in an answer that failed", async () => {
  const secrets = [KEY, OTHER_KEY].flatMap((key) => [key, Buffer.from(base64(key)), Buffer.from(key.toString("hex"))]);
  const texts = [Buffer.from("needle"), Buffer.from("mine"), Buffer.from("theirs")];
  let chunks = 0;
  for (const name of await store.list("")) {
    const bytes = Buffer.from(await store.get(name));
    if (name.includes("/wal/")) chunks += 1;
    for (const secret of [...secrets, ...texts]) assert.equal(bytes.includes(secret), false, name);
  }
  assert.ok(chunks > 10);
  for (const text of [...logged, ...answered])
    for (const secret of secrets) assert.equal(Buffer.from(text).includes(secret), false, text);
});
