// What plain HTTP sees: forms, limits, refusals, event streams, and hostile input that must not hurt.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { BASIN, HEADERS, serve, type TestServer } from "./support.ts";

let served: TestServer;
before(async () => {
  served = await serve();
});
after(() => served.stop());

const JSON_HEADERS = { ...HEADERS, "content-type": "application/json" };
const call = (path: string, init: RequestInit = {}) => fetch(`${served.url}${path}`, init);
const append = (stream: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  call(`/v1/streams/${stream}/records`, { method: "POST", headers: { ...JSON_HEADERS, ...headers }, body });

test("u64 timestamps are exact in JSON, on the way in and out", async () => {
  await call("/v1/streams/exact", { method: "PUT", headers: JSON_HEADERS, body: '{"timestamping":{"uncapped":true}}' });
  const values = ["9007199254740993", "18446744073709551614", "18446744073709551615"];
  await append("exact", `{"records":[${values.map((value) => `{"timestamp":${value}}`).join(",")}]}`);
  const text = await (await call("/v1/streams/exact/records?seq_num=0", { headers: HEADERS })).text();
  for (const value of values) assert.ok(text.includes(`"timestamp":${value}`), text);
  const from = await (await call(`/v1/streams/exact/records?timestamp=${values[1]}`, { headers: HEADERS })).text();
  assert.ok(from.startsWith('{"records":[{"seq_num":1,'), from);
});

test("bodies come compressed, and answers over 1 KiB go compressed, if the client wants that", async () => {
  const body = JSON.stringify({ records: [{ body: "x".repeat(5000) }] });
  assert.equal((await append("packed", new Uint8Array(gzipSync(body)), { "content-encoding": "gzip" })).status, 200);
  assert.equal(
    (await append("packed", new Uint8Array(zstdCompressSync(body)), { "content-encoding": "zstd" })).status,
    200,
  );
  assert.equal((await append("packed", body, { "content-encoding": "br" })).status, 415);
  const read = async (encoding: string) => {
    const { request } = await import("node:http");
    return new Promise<{ encoding: string | undefined; bytes: Buffer }>((resolve, reject) => {
      const outgoing = request(`${served.url}/v1/streams/packed/records?seq_num=0`, {
        headers: { ...HEADERS, "accept-encoding": encoding },
      });
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () =>
          resolve({ encoding: incoming.headers["content-encoding"], bytes: Buffer.concat(chunks) }),
        );
      });
      outgoing.end();
    });
  };
  const plain = (await read("zstd;q=0, gzip;q=0")).bytes.toString();
  const gzip = await read("gzip, zstd;q=0");
  assert.equal(gzip.encoding, "gzip");
  assert.equal(gunzipSync(gzip.bytes).toString(), plain);
  const zstd = await read("gzip, zstd");
  assert.equal(zstd.encoding, "zstd");
  assert.equal(zstdDecompressSync(zstd.bytes).toString(), plain);
});

test("event streams: ids, pings, [DONE], and resuming after an id", async () => {
  await append("events", JSON.stringify({ records: [{ body: "a" }, { body: "b" }, { body: "c" }] }));
  const events = async (query: string, headers: Record<string, string> = {}) =>
    (
      await call(`/v1/streams/events/records?${query}`, {
        headers: { ...HEADERS, accept: "text/event-stream", ...headers },
      })
    ).text();
  const all = await events("seq_num=0&count=3");
  assert.match(all, /^event: batch\nid: 2,3,27\ndata: \{"records":\[.*\]\}\n\ndata: \[DONE\]\n\n$/);
  const rest = await events("seq_num=0&count=3", { "last-event-id": "0,1,9" });
  assert.match(rest, /id: 2,3,27\n/);
  assert.ok(!rest.includes('"body":"a"') && rest.includes('"body":"b"'));
  assert.match(await events("seq_num=3&wait=0&clamp=true&count=0"), /^data: \[DONE\]\n\n$/);
});

test("unknown routes, methods and encodings are refused without a body; names and numbers with a code", async () => {
  for (const [path, method, status] of [
    ["/v1/nothing", "GET", 404],
    ["/v1/streams", "PUT", 405],
  ] as const) {
    const answer = await call(path, { method, headers: HEADERS });
    assert.equal(answer.status, status);
    assert.equal(await answer.text(), "");
  }
  const code = async (path: string, init: RequestInit = {}) => {
    const answer = await call(path, { headers: HEADERS, ...init });
    return [answer.status, JSON.parse(await answer.text()).code];
  };
  assert.deepEqual(await code("/v1/basins/X"), [400, "bad_path"]);
  assert.deepEqual(await code("/v1/streams/%ff/records"), [400, "bad_path"]);
  assert.deepEqual(await code("/v1/streams/s/records?seq_num=x"), [400, "bad_query"]);
  assert.deepEqual(await code("/v1/streams/s/records?seq_num=1&tail_offset=1"), [422, "invalid"]);
  assert.deepEqual(await code("/v1/streams/s/records/tail", { headers: {} }), [400, "bad_header"]);
  assert.deepEqual(await code("/v1/metrics?set=storage"), [400, "bad_query"]);
});

test("forms that the reference server has, down to the corners", async () => {
  const answer = async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
    const reply = await call(path, {
      method,
      headers: { ...JSON_HEADERS, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await reply.text();
    return { status: reply.status, text, code: text.startsWith("{") ? JSON.parse(text).code : undefined };
  };
  // A name that cannot be one is a body that cannot be read.
  for (const [path, body] of [
    ["/v1/basins", '{"basin":"UPPERCASE"}'],
    ["/v1/streams", '{"stream":""}'],
    ["/v1/streams", '{"stream":".."}'],
  ])
    assert.deepEqual((await answer("POST", path, body)).code, "bad_json", body);
  for (const query of ["prefix=UPPER", "prefix=-", `prefix=${"a".repeat(49)}`, "start_after=a_b", "limit=-1", "limit="])
    assert.deepEqual((await answer("GET", `/v1/basins?${query}`)).code, "bad_query", query);
  assert.equal((await answer("GET", "/v1/basins?prefix=a-1")).status, 200);
  for (const path of ["/v1/basins/", "/v1/streams/", "/v1/streams/corners/"]) {
    const { status, text } = await answer("GET", path);
    assert.deepEqual([status, text], [404, ""], path);
  }
  // An age that is left out is 0, whatever the basin says; one that no double holds is refused.
  await answer("PUT", "/v1/streams/corners", '{"delete_on_empty":{}}');
  assert.match((await answer("GET", "/v1/streams/corners")).text, /"delete_on_empty":\{"min_age_secs":0\}/);
  const age = await answer("PUT", "/v1/streams/corners", '{"retention_policy":{"age":18446744073709551615}}');
  assert.deepEqual([age.status, age.code], [422, "invalid"]);
  assert.equal(
    (await answer("POST", "/v1/streams/corners/records", '{"records":[{}]}', { "s2-stream-config": "null" })).code,
    "bad_header",
  );
  assert.equal((await answer("GET", "/v1/streams/corners/records?wait=4294967296")).code, "bad_query");
  const events = { accept: "text/event-stream" };
  // Nothing to wait for at the tail: without bounds an empty session, with them a refusal.
  assert.deepEqual(await answer("GET", "/v1/streams/corners/records?wait=0", undefined, events), {
    status: 200,
    text: "data: [DONE]\n\n",
    code: undefined,
  });
  assert.equal((await answer("GET", "/v1/streams/corners/records?count=1", undefined, events)).status, 416);
  const beyond = { ...events, "last-event-id": "18446744073709551615,0,0" };
  assert.equal((await answer("GET", "/v1/streams/corners/records", undefined, beyond)).status, 416);
  // A read that waited for its batch has followed the tail, and says so.
  const waiting = answer("GET", "/v1/streams/corners/records?wait=20");
  while (served.engine.stats().activeReaders === 0) await new Promise((resolve) => setImmediate(resolve));
  await answer("POST", "/v1/streams/corners/records", '{"records":[{"body":"x"}]}');
  assert.match((await waiting).text, /"body":"x"\}\],"tail":\{"seq_num":1,/);
});

test("a stream's name is data, slashes and all", async () => {
  const name = "a/b c+d%é";
  const path = encodeURIComponent(name);
  assert.equal((await append(path, '{"records":[{"body":"x"}]}')).status, 200);
  const listed = JSON.parse(
    await (await call(`/v1/streams?prefix=${encodeURIComponent("a/b c+")}`, { headers: HEADERS })).text(),
  );
  assert.deepEqual(
    listed.streams.map((stream: { name: string }) => stream.name),
    [name],
  );
});

test("too much, too deep or no JSON is refused quickly", async () => {
  const refused = async (body: string) => {
    const answer = await append("s", body);
    return [answer.status, JSON.parse(await answer.text()).code];
  };
  assert.deepEqual(await refused(`{"records":[],"x":${"[".repeat(50_000)}}`), [400, "bad_json"]);
  assert.deepEqual(await refused("x".repeat(2 * 1024 * 1024 + 1)), [400, "bad_json"]);
  assert.deepEqual(await refused("{"), [400, "bad_json"]);
  const deep = await call("/v1/basins", { method: "POST", headers: JSON_HEADERS, body: "[".repeat(50_000) });
  assert.equal(deep.status, 400);
});

test("a session also runs over chunked HTTP/1.1", async () => {
  await append("chunked", '{"records":[{"body":"x"}]}');
  const answer = await call("/v1/streams/chunked/records?seq_num=0&count=1", {
    headers: { ...HEADERS, "content-type": "s2s/proto" },
  });
  assert.equal(answer.headers.get("content-type"), "s2s/proto");
  assert.equal(answer.headers.get("cache-control"), "no-cache, no-transform");
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(bytes.readUIntBE(0, 3), bytes.length - 3);
  assert.ok(bytes.includes("x"));
});

test("origins are mirrored", async () => {
  const answer = await call("/v1/basins", {
    method: "OPTIONS",
    headers: {
      origin: "https://example.test",
      "access-control-request-method": "PUT",
      "access-control-request-headers": "s2-basin",
    },
  });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.get("access-control-allow-origin"), "https://example.test");
  assert.equal(answer.headers.get("access-control-allow-methods"), "PUT");
  assert.equal(answer.headers.get("access-control-allow-headers"), "s2-basin");
});

test("hostile frames and connections neither crash nor hang it, and leave nothing behind", async () => {
  const port = Number(new URL(served.url).port);
  const session = connectHttp2(served.url);
  session.on("error", () => undefined);
  const send = (body: Buffer) =>
    new Promise<void>((resolve) => {
      const stream = session.request({
        ":method": "POST",
        ":path": "/v1/streams/fuzzed/records",
        "content-type": "s2s/proto",
        ...HEADERS,
      });
      stream.on("error", () => resolve());
      stream.on("close", () => resolve());
      stream.resume();
      stream.end(body);
    });
  const hostile = [
    Buffer.from([0, 0, 0]),
    Buffer.from([0, 0, 1, 0x60]),
    Buffer.from([0, 0, 1, 0x80]),
    Buffer.from([255, 255, 255, 0]),
    Buffer.from([0, 0]),
  ];
  for (const body of hostile) await send(body);
  for (let i = 0; i < 200; i += 1) {
    const noise = randomBytes(1 + (i % 300));
    const framed = Buffer.concat([Buffer.from([0, 0, noise.length]), noise.subarray(0, Math.min(noise.length, 255))]);
    await send(i % 2 === 0 ? noise : framed);
  }
  session.close();
  for (let i = 0; i < 50; i += 1) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, "127.0.0.1", () =>
        socket.end(
          i % 2 === 0
            ? randomBytes(200)
            : Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), randomBytes(100)]),
        ),
      );
      socket.on("error", () => resolve());
      socket.on("close", () => resolve());
      socket.resume();
    });
  }
  assert.equal((await append("fuzzed", '{"records":[{"body":"still here"}]}')).status, 200);
  // What the server itself writes now and then may be on its way.
  while (served.engine.stats().inFlightAppendBytes > 0) await new Promise((resolve) => setImmediate(resolve));
  const stats = served.engine.stats();
  assert.equal(stats.waitingAppendBytes, 0);
  assert.equal(stats.activeReaders, 0);
  assert.equal(stats.basins, 1);
  assert.equal(BASIN, "server-tests");
});

test("/health, /live and /metrics need no token", async () => {
  assert.equal(await (await call("/health")).text(), "OK");
  assert.equal((await call("/live")).status, 200);
  const metrics = await (await call("/metrics")).text();
  assert.match(metrics, /s2_append_ack_latency_seconds_count [1-9]/);
  assert.match(metrics, /tailrace_records_appended [1-9]/);
  assert.match(metrics, /tailrace_takeovers 1/);
  assert.match(metrics, /tailrace_rare_branches_total\{branch="wait-skipped-by-lock"\} [0-9]/);
});

test("a basin domain lets the host name the basin, over HTTP/1.1 and HTTP/2; the header may only agree", async (t) => {
  const domained = await serve({ basinDomain: "b.Example.com" });
  t.after(() => domained.stop());
  const { request } = await import("node:http");
  const { connect } = await import("node:http2");
  const over1 = (headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const sent = request(`${domained.url}/v1/streams`, { headers, agent: false }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sent.on("error", reject).end();
    });
  const over2 = (headers: Record<string, string>) =>
    new Promise<unknown>((resolve, reject) => {
      const session = connect(domained.url);
      const stream = session.request({ ":path": "/v1/streams", ...headers });
      stream.on("response", (answer) => {
        resolve(answer[":status"]);
        session.destroy();
      });
      stream.on("error", reject);
    });
  for (const [ask, host] of [
    [over1, "host"],
    [over2, ":authority"],
  ] as const) {
    assert.equal(await ask({ [host]: `${BASIN}.b.example.com` }), 200);
    assert.equal(await ask({ [host]: `${BASIN}.B.Example.com:8080` }), 200);
    assert.equal(await ask({ [host]: `${BASIN}.b.example.com`, "s2-basin": BASIN }), 200);
    assert.equal(await ask({ [host]: `${BASIN}.b.example.com`, "s2-basin": "another-basin" }), 400);
    assert.equal(await ask({ [host]: "no-such-basin.b.example.com" }), 404);
    assert.equal(await ask({ [host]: `${BASIN}.a.b.example.com` }), 400);
    assert.equal(await ask({ [host]: "b.example.com" }), 400);
    assert.equal(await ask({ [host]: `${BASIN}.example.com` }), 400);
    assert.equal(await ask({ [host]: "other.example.com", "s2-basin": BASIN }), 200);
  }
});
