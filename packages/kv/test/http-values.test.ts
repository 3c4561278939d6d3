// Values over HTTP: bytes, content types, revisions and conditions, expiry, consistency.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LocalHttp } from "./http-support.ts";

let kv: LocalHttp;
before(async () => {
  kv = await LocalHttp.start();
});
after(async () => {
  await kv.stop();
  assert.deepEqual(kv.failures, []);
});

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, byte) => byte);

test("a value is read as it was set: its bytes, its content type, its revision", async () => {
  const put = await kv.put("/v1/keys/bytes", ALL_BYTES, { "content-type": "image/png" });
  assert.equal(put.status, 200);
  const got = await kv.get("/v1/keys/bytes");
  assert.deepEqual([...got.bytes], [...ALL_BYTES]);
  assert.equal(got.headers.get("content-type"), "image/png");
  assert.equal(got.headers.get("etag"), `"${put.json.revision}"`);
  assert.equal(put.headers.get("etag"), got.headers.get("etag"));
  const head = await kv.ask("HEAD", "/v1/keys/bytes");
  assert.equal(head.status, 200);
  assert.equal(head.headers.get("content-length"), "256");
  assert.equal(head.bytes.length, 0);
});

test("any bytes are a key, and every key is another", async () => {
  const keys = ["a/b", "a%2Fb", "ä", "%00", "%FF%FE", "a+b", "a%20b", "..", "%2E%2E", "history"];
  const raw = async (method: string, key: string) => {
    const { request } = await import("node:http");
    return new Promise<string>((resolve, reject) => {
      // Sent as it is: fetch would put paths in order.
      const sent = request({ host: "127.0.0.1", port: kv.server.port, method, path: `/v1/keys/${key}` }, (response) => {
        response.setEncoding("utf8");
        let text = "";
        response.on("data", (part: string) => {
          text += part;
        });
        response.on("end", () => resolve(`${response.statusCode} ${text}`));
      });
      sent.on("error", reject);
      sent.end(method === "PUT" ? key : undefined);
    });
  };
  const good = keys.filter((key) => key !== "a/b" && key !== "ä");
  for (const key of good) assert.match(await raw("PUT", key), /^200 /, key);
  const spellings = new Set(good.map((key) => (key === "%2E%2E" ? ".." : key)));
  for (const key of spellings) assert.equal(await raw("GET", key), `200 ${key === ".." ? "%2E%2E" : key}`);
  assert.match(await raw("GET", "a/b"), /^404 .*nothing at this path/);
  assert.match(await raw("GET", "%4"), /^400 .*percent-encoding/);
  assert.match(await raw("GET", ""), /^404 /);
});

test("what is not there is 404, and of another type 409, for every verb", async () => {
  const missing = await kv.get("/v1/keys/missing");
  assert.equal(missing.status, 404);
  assert.equal(missing.json.code, "key_not_found");
  assert.deepEqual((await kv.ask("DELETE", "/v1/keys/missing")).json.deleted, false);
  await kv.redis("HSET", "hash", "field", "1");
  for (const [method, body] of [["GET"], ["PUT", "x"], ["DELETE"]] as const) {
    const answer = await kv.ask(method, "/v1/keys/hash", body === undefined ? {} : { body });
    assert.equal(answer.status, 409, method);
    assert.equal(answer.json.code, "wrong_type");
  }
  assert.equal((await kv.get("/v1/keys/hash", { "if-none-match": '"1"' })).status, 409);
});

test("conditions decide in the log: whoever wrote in between", async () => {
  const first = await kv.put("/v1/keys/cas", "1", { "if-none-match": "*" });
  assert.equal(first.status, 200);
  const again = await kv.put("/v1/keys/cas", "2", { "if-none-match": "*" });
  assert.equal(again.status, 412);
  assert.equal(again.headers.get("etag"), first.headers.get("etag"));
  const tag = String(first.headers.get("etag"));
  assert.equal((await kv.put("/v1/keys/cas", "2", { "if-match": `"7", ${tag}` })).status, 200);
  assert.equal((await kv.put("/v1/keys/cas", "3", { "if-match": tag })).status, 412);
  assert.equal((await kv.ask("DELETE", "/v1/keys/cas", { headers: { "if-match": tag } })).status, 412);
  assert.equal((await kv.put("/v1/keys/cas", "3", { "if-match": `W/${tag}` })).status, 412);
  assert.equal((await kv.put("/v1/keys/cas", "3", { "if-match": "nonsense" })).status, 400);
  assert.equal((await kv.put("/v1/keys/nothing", "3", { "if-match": "*" })).status, 412);
  assert.equal(String((await kv.get("/v1/keys/cas")).bytes), "2");
});

test("of many who set a key that must not be there, one does", async () => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => kv.put("/v1/keys/election", String(i), { "if-none-match": "*" })),
  );
  const won = answers.findIndex(({ status }) => status === 200);
  assert.equal(answers.filter(({ status }) => status === 200).length, 1);
  assert.equal(answers.filter(({ status }) => status === 412).length, 19);
  assert.equal(String((await kv.get("/v1/keys/election")).bytes), String(won));
});

test("a read under conditions is answered without the value where the client has it", async () => {
  const tag = String((await kv.put("/v1/keys/cached", "1")).headers.get("etag"));
  const same = await kv.get("/v1/keys/cached", { "if-none-match": tag });
  assert.equal(same.status, 304);
  assert.equal(same.bytes.length, 0);
  assert.equal((await kv.get("/v1/keys/cached", { "if-match": '"1"' })).status, 412);
  await kv.put("/v1/keys/cached", "2");
  assert.equal((await kv.get("/v1/keys/cached", { "if-none-match": tag })).status, 200);
});

test("a time to live ends a value, and a later value ends it", async () => {
  await kv.put("/v1/keys/short?ttl_ms=50", "1");
  await kv.put("/v1/keys/kept?ttl_ms=100000", "1");
  const expiry = (await kv.get("/v1/keys/kept")).headers.get("tailrace-expires-at-ms");
  assert.match(String(expiry), /^\d+$/);
  await kv.put("/v1/keys/kept?ttl_ms=keep", "2");
  assert.equal((await kv.get("/v1/keys/kept")).headers.get("tailrace-expires-at-ms"), expiry);
  await kv.put("/v1/keys/kept", "3");
  assert.equal((await kv.get("/v1/keys/kept")).headers.get("tailrace-expires-at-ms"), null);
  while ((await kv.get("/v1/keys/short")).status !== 404);
  for (const bad of ["0", "-1", "x", "1e3", "99999999999999999"]) {
    assert.equal((await kv.put(`/v1/keys/short?ttl_ms=${bad}`, "1")).status, 400, bad);
  }
  assert.equal((await kv.get("/v1/keys/short")).status, 404);
});

test("a reader says how new it must be", async (t) => {
  const other = await LocalHttp.start({ readTimeoutMs: 300 }, kv.stream);
  t.after(() => other.stop());
  const { revision } = (await kv.put("/v1/keys/seen", "1")).json;
  for (const query of ["", "?consistency=strong", `?at_least=${revision}`]) {
    assert.equal(String((await other.get(`/v1/keys/seen${query}`)).bytes), "1", query);
  }
  assert.equal((await other.get("/v1/keys/seen?consistency=eventual")).status, 200);
  const future = await other.get(`/v1/keys/seen?at_least=${revision + 1024 * 1000}`);
  assert.equal(future.status, 503);
  assert.equal(future.json.code, "unavailable");
  for (const bad of [
    "consistency=stale",
    "at_least=x",
    "consistency=strong&at_least=1",
    "foo=1",
    "at_least=1&at_least=1",
  ]) {
    assert.equal((await kv.get(`/v1/keys/seen?${bad}`)).status, 400, bad);
  }
});

test("what is too large is refused, and nothing of it is kept", async () => {
  const largest = await kv.put("/v1/keys/large", "x".repeat(1024 * 1024));
  assert.equal(largest.status, 413, "a value and its key are one record");
  assert.equal((await kv.put("/v1/keys/large", "x".repeat(1024 * 1024 - 1000))).status, 200);
  assert.equal((await kv.put("/v1/keys/large", "x".repeat(1024 * 1024 + 1))).status, 413);
  assert.equal((await kv.get("/v1/keys/large")).bytes.length, 1024 * 1024 - 1000);
  const type = await kv.put("/v1/keys/large", "x", { "content-type": "x".repeat(300) });
  assert.equal(type.status, 400);
});

test("what takes memory is refused at the bound, and what frees it is not", async (t) => {
  const full = await LocalHttp.start({ maxBytes: 1000 });
  t.after(() => full.stop());
  assert.equal((await full.put("/v1/keys/a", "x".repeat(2000))).status, 200);
  const refused = await full.put("/v1/keys/b", "x");
  assert.equal(refused.status, 507);
  assert.equal(refused.json.code, "out_of_memory");
  assert.equal((await full.ask("DELETE", "/v1/keys/a")).json.deleted, true);
  assert.equal((await full.put("/v1/keys/b", "x")).status, 200);
});
