// The HTTP port as such: the demo's routes, who may ask, health, metrics, the description, and clients that behave badly.
import assert from "node:assert/strict";
import { createConnection, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import fc from "fast-check";
import { OPERATIONS } from "../src/http/openapi/operations.ts";
import { SCHEMAS } from "../src/http/openapi/schemas.ts";
import { routes } from "../src/http/routes.ts";
import { Watches } from "../src/http/watches.ts";
import { EventStream, LocalHttp } from "./http-support.ts";

let kv: LocalHttp;
before(async () => {
  kv = await LocalHttp.start();
});
after(async () => {
  await kv.stop();
  assert.deepEqual(kv.failures, []);
});

/** What comes back for bytes on a connection of their own, until it is closed. */
function exchange(bytes: string, port = kv.server.port): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ port, host: "127.0.0.1" });
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (part) => {
      text += part;
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(text));
    socket.write(bytes, "latin1");
  });
}

describe("the S2 KV demo's routes", () => {
  const put = (key: string, value: string) =>
    kv.ask("PUT", "/api", { body: `{"key":${JSON.stringify(key)},"value":${value}}` });
  const shown = async (key: string, consistency = "Strong") =>
    String((await kv.get(`/api/${consistency}?key=${encodeURIComponent(key)}`)).bytes);

  test("keep values of every type exactly", async () => {
    const values = [
      '{"Bool":true}',
      '{"Float":0.1}',
      '{"Float":5.0}',
      '{"Int":-9223372036854775808}',
      '{"UInt":18446744073709551615}',
      '{"Str":"\\"ä€😀\\""}',
      '{"List":[{"UInt":1},{"List":[]},{"Str":""}]}',
      '{"Map":{"__proto__":{"Int":1},"a":{"Map":{}}}}',
      '{"Set":[{"Bool":false},{"Int":2},{"Str":"x"}]}',
    ];
    for (const value of values) {
      const { status, json } = await put("hello world", value);
      assert.equal(status, 200, value);
      assert.equal(typeof json.Ok.end, "number");
      const text = await shown("hello world");
      assert.equal(text, `{"Ok":[{"end":${json.Ok.end}},${value}]}`);
      assert.equal(await shown("hello world", "Eventual"), text);
    }
  });

  test("keep sets in order and without duplicates, and maps by key", async () => {
    await put("set", '{"Set":[{"Str":"b"},{"UInt":1},{"Str":"b"},{"Str":"a"},{"Set":[{"Int":2},{"Int":1}]}]}');
    assert.match(
      await shown("set"),
      /,\{"Set":\[\{"Set":\[\{"Int":1\},\{"Int":2\}\]\},\{"Str":"a"\},\{"Str":"b"\},\{"UInt":1\}\]\}\]\}$/,
    );
    await put("map", '{"Map":{"b":{"Int":1},"10":{"Int":1},"9":{"Int":1}}}');
    assert.match(await shown("map"), /\{"Map":\{"10":\{"Int":1\},"9":\{"Int":1\},"b":\{"Int":1\}\}\}/);
  });

  test("say what is missing, what was removed, and what is no typed value", async () => {
    await put("gone", '{"Int":1}');
    assert.equal(typeof (await kv.ask("DELETE", "/api?key=gone")).json.Ok.end, "number");
    const missing = await kv.get("/api/Strong?key=gone");
    assert.equal(missing.status, 404);
    assert.equal(typeof missing.json.Missing.end, "number");
    await kv.put("/v1/keys/plain", "text");
    const plain = await kv.get("/api/Strong?key=plain");
    assert.equal(plain.status, 409);
    assert.equal(typeof plain.json.Error, "string");
    assert.equal((await kv.get("/v1/keys/set")).headers.get("content-type"), "application/json");
  });

  test("refuse what is none", async () => {
    const bad = [
      "1",
      "{}",
      '{"Int":1,"Str":""}',
      '{"Int":1.5}',
      '{"Int":9223372036854775808}',
      '{"UInt":-1}',
      '{"Float":1e999}',
      '{"Str":"\\ud800"}',
      '{"Bool":1}',
      '{"Map":[]}',
      '{"Set":{}}',
      '{"Set":[{"Set":[1]}]}',
      '{"Nothing":null}',
      `${'{"List":['.repeat(70)}${"]}".repeat(70)}`,
      `${"[".repeat(200_000)}${"]".repeat(200_000)}`,
    ];
    for (const value of bad) {
      const { status, json } = await put("bad", value);
      assert.equal(status, 400, value.slice(0, 100));
      assert.equal(typeof json.Error, "string");
    }
    assert.equal((await kv.ask("PUT", "/api", { body: "{" })).status, 400);
    assert.equal((await kv.get("/api/Strong")).status, 400);
    assert.equal((await kv.get("/api/Strong?key=bad")).status, 404);
  });
});

describe("who may ask", () => {
  test("only who shows the token, where there is one", async (t) => {
    const guarded = await LocalHttp.start({ token: "secret", metricsAuth: true });
    t.after(() => guarded.stop());
    for (const headers of [{}, { authorization: "Bearer secre" }, { authorization: "Basic secret" }]) {
      for (const path of ["/v1/keys/a", "/v1/watch", "/api/Strong?key=a", "/metrics", "/nowhere"]) {
        const refused = await guarded.get(path, headers as Record<string, string>);
        assert.equal(refused.status, 401, path);
        assert.equal(refused.headers.get("www-authenticate"), "Bearer");
      }
    }
    assert.equal((await guarded.get("/health")).status, 200);
    assert.equal((await guarded.get("/v1/openapi.json")).status, 200);
    assert.equal((await guarded.put("/v1/keys/a", "1", { authorization: "Bearer secret" })).status, 200);
    assert.equal((await guarded.get("/metrics", { authorization: "bearer secret" })).status, 200);
  });
});

describe("health and metrics", () => {
  test("a replica that has not caught up says so, and answers nothing else", async (t) => {
    const loading = await LocalHttp.start({ store: () => undefined });
    t.after(() => loading.stop());
    assert.equal((await loading.get("/health")).status, 503);
    assert.equal((await loading.get("/live")).status, 200);
    const refused = await loading.get("/v1/keys/a");
    assert.equal(refused.status, 503);
    assert.equal(refused.json.code, "unavailable");
    assert.equal((await loading.get("/metrics")).status, 200);
    assert.equal((await kv.get("/health")).status, 200);
  });

  test("a replica that cannot reach its log answers eventual reads alone, and one that has stopped nothing", async (t) => {
    const cut = await LocalHttp.start({ proposalTimeoutMs: 300, readTimeoutMs: 300 });
    t.after(() => cut.stop());
    cut.stream.weather.down = true;
    const write = await cut.put("/v1/keys/a", "1");
    assert.ok([503, 504].includes(write.status), String(write.status));
    assert.equal((await cut.get("/v1/keys/a")).status, 503);
    assert.equal((await cut.get("/v1/keys/a?consistency=eventual")).status, 404);
    cut.stream.weather.down = false;
    while ((await cut.get("/v1/keys/a")).status === 503);
    assert.equal((await cut.get("/health")).status, 200);
    await cut.store.close();
    assert.equal((await cut.get("/health")).status, 503);
    assert.equal((await cut.get("/v1/keys/a")).status, 503);
  });

  test("metrics count requests by route, never by what clients make up", async () => {
    await kv.put("/v1/keys/madeup", "1");
    await kv.get("/v1/keys/madeup?x=1");
    await exchange("BREW /v1/keys/pot HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    const text = String((await kv.get("/metrics")).bytes);
    assert.match(
      text,
      /^tailrace_kv_http_requests_total\{method="PUT",route="\/v1\/keys\/\{key\}",status="200"\} \d+$/m,
    );
    assert.match(text, /^tailrace_kv_keys [1-9]\d*$/m);
    assert.match(text, /^tailrace_kv_healthy 1$/m);
    assert.doesNotMatch(text, /madeup|BREW/);
  });
});

describe("the description", () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema({ $id: "api", components: { schemas: SCHEMAS } });
  const assertShape = (name: string, value: unknown): void => {
    const validate = ajv.getSchema(`api#/components/schemas/${name}`);
    assert.ok(validate !== undefined, name);
    assert.ok(validate(value), `${name}: ${JSON.stringify(validate.errors)} of ${JSON.stringify(value)}`);
  };

  test("is of all routes, and of nothing else", async () => {
    const described = OPERATIONS.map(({ method, path }) => `${method} ${path}`);
    assert.deepEqual(
      described.sort(),
      routes(new Watches())
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    );
    const { json } = await kv.get("/v1/openapi.json");
    const text = JSON.stringify(json);
    const named = new Set([...text.matchAll(/#\/components\/schemas\/([A-Za-z]+)/g)].map(([, name]) => name));
    assert.deepEqual([...named].sort(), Object.keys(SCHEMAS).sort());
  });

  test("is what answers look like", async () => {
    assertShape("Written", (await kv.put("/v1/keys/shape?ttl_ms=100000", "1", { "content-type": "a/b" })).json);
    assertShape("KeyPage", (await kv.get("/v1/keys?prefix=shape&values=true")).json);
    const transaction = { compare: [{ key: "shape", exists: true }], else: [{ op: "get", key: "shape" }] };
    assertShape("Transaction", transaction);
    assertShape("TransactionResult", (await kv.transact(transaction)).json);
    assertShape("KeyHistory", (await kv.get("/v1/keys/shape/history")).json);
    const watch = await EventStream.open(`${kv.url}/v1/watch?prefix=shape&from=0`);
    await watch.next();
    assertShape("Changes", (await watch.next())?.data);
    watch.close();
    assertShape("Deleted", (await kv.ask("DELETE", "/v1/keys/shape")).json);
    assertShape("Error", (await kv.get("/v1/keys/shape")).json);
    const request = { key: "shape", value: { Map: { a: { List: [{ Int: 1 }] } } } };
    assertShape("DemoRequest", request);
    assertShape("DemoWritten", (await kv.ask("PUT", "/api", { body: JSON.stringify(request) })).json);
    assertShape("DemoFound", (await kv.get("/api/Strong?key=shape")).json);
    assertShape("DemoError", (await kv.get("/api/Strong?key=no")).json);
  });
});

describe("clients that behave badly", () => {
  test("get an answer for anything that is HTTP, and none of them is a failure of the server", async () => {
    const part = fc.constantFrom(
      "v1",
      "keys",
      "a",
      "history",
      "watch?from=1",
      "transactions",
      "api",
      "%",
      "%zz",
      "%00",
      "",
      "?",
      "&",
      "=",
      "limit=0",
      "ttl_ms=",
      "..",
      "\xff",
      "consistency=eventual",
      "at_least=9007199254740991",
    );
    const path = fc
      .array(fc.tuple(part, fc.constantFrom("/", "?", "&", "")))
      .map((parts) => `/${parts.flat().join("")}`);
    const header = fc.constantFrom(
      "if-match: ",
      "if-none-match: *",
      'if-match: "',
      "last-event-id: x",
      "content-type: \x01",
      "content-length: -1",
      "content-length: 99999999999999999999",
      "expect: 100-continue",
      "transfer-encoding: gzip",
      "authorization: Bearer x",
      "range: bytes=0-1",
    );
    const method = fc.constantFrom("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS", "TRACE", "NOPE");
    await fc.assert(
      fc.asyncProperty(method, path, fc.array(header, { maxLength: 2 }), async (verb, target, headers) => {
        // A watch would go on for ever.
        fc.pre(!/watch/.test(target) || verb !== "GET");
        const lines = [`${verb} ${target} HTTP/1.1`, "host: x", "connection: close", ...headers];
        const hasLength = headers.some((line) => /^(content-length|transfer)/.test(line));
        const answer = await exchange(`${lines.join("\r\n")}\r\n${hasLength ? "" : "content-length: 0\r\n"}\r\n`);
        assert.match(answer, /^HTTP\/1\.1 (?!500)\d{3} /, `${lines.join("|")} → ${answer}`);
      }),
      { numRuns: 300 },
    );
    assert.deepEqual(kv.failures, []);
  });

  test("cannot have a body read that is announced too large, nor one that grows too large", async () => {
    const announced = await exchange("PUT /v1/keys/a HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n");
    assert.match(announced, /^HTTP\/1\.1 413 [\s\S]*too_large/);
    const expected = await exchange(
      "PUT /v1/keys/a HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\ncontent-length: 2000000\r\n\r\n",
    );
    assert.match(expected, /^HTTP\/1\.1 413 /, "it is not even asked for");
    const chunk = `${(64 * 1024).toString(16)}\r\n${"x".repeat(64 * 1024)}\r\n`;
    const grown = await exchange(
      `PUT /v1/keys/a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n${chunk.repeat(40)}0\r\n\r\n`,
    );
    assert.match(grown, /^HTTP\/1\.1 413 /);
    assert.equal((await kv.get("/v1/keys/a")).status, 404);
  });

  test("who expects to be told goes on is told, and a body that ends early is not taken for a whole one", async () => {
    const head = "PUT /v1/keys/early HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    const told = await exchange(`${head}expect: 100-continue\r\ncontent-length: 1\r\n\r\nx`);
    assert.match(told, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
    const socket: Socket = createConnection({ port: kv.server.port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    await new Promise((resolve) => socket.write(`${head}content-length: 10\r\n\r\nhalf`, resolve));
    socket.destroy();
    await kv.put("/v1/keys/after", "1");
    assert.equal(String((await kv.get("/v1/keys/early")).bytes), "x");
  });

  test("a head beyond its bound, and what is no HTTP, are refused in JSON", async () => {
    const large = await exchange(`GET /v1/keys/${"k".repeat(70_000)} HTTP/1.1\r\nhost: x\r\n\r\n`);
    assert.match(large, /^HTTP\/1\.1 431 [\s\S]*\{"code":"bad_request"/);
    assert.match(await exchange("*3\r\n$3\r\nSET\r\n"), /^HTTP\/1\.1 400 [\s\S]*\{"code":"bad_request"/);
  });

  test("a watcher that takes nothing holds no more than its connection does", async (t) => {
    const roomy = await LocalHttp.start({ historyBytes: 2 * 1024 * 1024 });
    t.after(() => roomy.stop());
    const socket = createConnection({ port: roomy.server.port, host: "127.0.0.1" });
    socket.on("error", () => undefined);
    socket.write("GET /v1/watch HTTP/1.1\r\nhost: x\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.pause();
    // Far more than is remembered: what it has not taken is gone, not queued.
    for (let i = 0; i < 30; i += 1) await roomy.put("/v1/keys/a", "x".repeat(1_000_000));
    assert.ok(roomy.server.untakenBytes <= 2 * 1024 * 1024, `${roomy.server.untakenBytes} bytes wait for it`);
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (part) => {
      text = (text + part).slice(-1000);
    });
    const closed = new Promise((resolve) => socket.on("close", resolve));
    socket.resume();
    await closed;
    assert.match(text, /revision_gone/);
  });
});
