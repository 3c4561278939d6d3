// Listings, transactions, watches and histories over HTTP.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { EventStream, LocalHttp } from "./http-support.ts";

/** As a name that is computed: of an object that nobody awaits. */
const THEN = "then";

let kv: LocalHttp;
before(async () => {
  kv = await LocalHttp.start();
});
after(async () => {
  await kv.stop();
  assert.deepEqual(kv.failures, []);
});

test("pages list all keys of a range once, in the order of their bytes", async () => {
  const names = ["l:", "l:a", "l:a\0", "l:a%20", "l:b", "l:zz", ...Array.from({ length: 40 }, (_, i) => `l:m${i}`)];
  await Promise.all(names.map((name) => kv.put(`/v1/keys/${encodeURIComponent(name)}`, name)));
  await kv.put("/v1/keys/l%3A%FF%FF", "bytes");
  await kv.put("/v1/keys/k", "before");
  await kv.put("/v1/keys/m", "behind");
  const all = async (query: string) => {
    const found: string[] = [];
    for (let after = ""; ; ) {
      const { status, json } = await kv.get(`/v1/keys?limit=7&${query}${after}`);
      assert.equal(status, 200);
      assert.ok(json.keys.length <= 7);
      for (const { key, key_base64: base64 } of json.keys) found.push(key ?? base64);
      if (!json.has_more) return found;
      const last = json.keys.at(-1);
      after = `&start_after=${encodeURIComponent(last.key)}`;
    }
  };
  const sorted = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual(await all("prefix=l%3A"), [...sorted, Buffer.from("l:\xff\xff", "latin1").toString("base64")]);
  assert.deepEqual(
    await all("prefix=l%3A&start=l%3Ab&end=l%3Az"),
    sorted.filter((name) => name >= "l:b" && name < "l:z"),
  );
  assert.deepEqual(await all("prefix=nothing"), []);
  assert.deepEqual(await all("start=l%3Az&end=l%3Ab"), []);
});

test("a listing shows what each key is, and values only where they are asked for", async () => {
  const { revision } = (await kv.put("/v1/keys/shown?ttl_ms=100000", "text", { "content-type": "text/plain" })).json;
  const [plain] = (await kv.get("/v1/keys?prefix=shown")).json.keys;
  const { expires_at_ms: expiresAtMs, ...rest } = plain;
  assert.deepEqual(rest, { key: "shown", type: "string", revision, content_type: "text/plain" });
  assert.equal(typeof expiresAtMs, "number");
  assert.equal((await kv.get("/v1/keys?prefix=shown&values=true")).json.keys[0].value, "text");
  await kv.put("/v1/keys/shown", new Uint8Array([255, 0]));
  assert.equal((await kv.get("/v1/keys?prefix=shown&values")).json.keys[0].value_base64, "/wA=");
});

test("a page ends where it is large", async () => {
  await Promise.all(Array.from({ length: 4 }, (_, i) => kv.put(`/v1/keys/page${i}`, "x".repeat(600_000))));
  const page = (await kv.get("/v1/keys?prefix=page&values=true")).json;
  assert.equal(page.keys.length, 2);
  assert.equal(page.has_more, true);
  assert.equal((await kv.get("/v1/keys?prefix=page")).json.keys.length, 4);
});

test("a listing sees what was written before it, on every replica", async (t) => {
  const other = await LocalHttp.start({}, kv.stream);
  t.after(() => other.stop());
  await other.get("/v1/keys");
  for (let i = 0; i < 20; i += 1) {
    await kv.put(`/v1/keys/seen${i}`, "x");
    assert.equal((await other.get("/v1/keys?prefix=seen&limit=1000")).json.keys.length, i + 1);
    if (i % 3 === 0) await kv.ask("DELETE", `/v1/keys/seen${i}`);
    if (i % 3 === 0) await kv.put(`/v1/keys/seen${i}`, "y");
  }
});

test("a transaction does the one or the other, as a whole", async () => {
  const { revision } = (await kv.put("/v1/keys/from", "10")).json;
  const move = {
    compare: [
      { key: "from", value: "10" },
      { key: "from", revision },
      { key: "to", exists: false },
    ],
    [THEN]: [
      { op: "put", key: "to", value: "10", content_type: "text/plain", ttl_ms: 100000 },
      { op: "delete", key: "from" },
      { op: "get", key: "to" },
    ],
    else: [
      { op: "get", key: "from" },
      { op: "get", key: "to" },
    ],
  };
  const done = (await kv.transact(move)).json;
  assert.equal(done.succeeded, true);
  const [put, deleted, { expires_at_ms: expiresAtMs, ...got }] = done.results;
  assert.deepEqual(put, { op: "put", key: "to" });
  assert.deepEqual(deleted, { op: "delete", key: "from", deleted: true });
  const { revision: at } = done;
  assert.deepEqual(got, { op: "get", key: "to", found: true, revision: at, content_type: "text/plain", value: "10" });
  assert.equal(typeof expiresAtMs, "number");
  const again = (await kv.transact(move)).json;
  assert.equal(again.succeeded, false);
  assert.deepEqual(again.results[0], { op: "get", key: "from", found: false });
  assert.equal(again.results[1].value, "10");
});

test("a transaction that meets a key of another type has changed nothing", async () => {
  await kv.redis("HSET", "no-string", "field", "1");
  for (const op of ["get", "delete", "put"]) {
    const last = { op, key: "no-string", ...(op === "put" ? { value: "x" } : {}) };
    const answer = await kv.transact({ [THEN]: [{ op: "put", key: "before-it", value: "x" }, last] });
    assert.deepEqual([answer.status, answer.json.code], [409, "wrong_type"]);
    assert.equal((await kv.get("/v1/keys/before-it")).status, 404);
  }
});

test("a transaction that only reads writes nothing", async () => {
  await kv.put("/v1/keys/read", "1");
  const before = kv.store.replica.next;
  const done = (await kv.transact({ compare: [{ key: "read", exists: true }], [THEN]: [{ op: "get", key: "read" }] }))
    .json;
  assert.equal(done.results[0].value, "1");
  assert.equal(kv.store.replica.next, before);
});

test("concurrent transfers keep the sum, on two replicas", async (t) => {
  const other = await LocalHttp.start({}, kv.stream);
  t.after(() => other.stop());
  await kv.put("/v1/keys/acc0", "100");
  await kv.put("/v1/keys/acc1", "100");
  let retries = 0;
  const transfer = async (at: LocalHttp) => {
    for (;;) {
      const read = {
        [THEN]: [
          { op: "get", key: "acc0" },
          { op: "get", key: "acc1" },
        ],
      };
      const [from, to] = (await at.transact(read)).json.results;
      const done = await at.transact({
        compare: [from, to].map(({ key, revision }) => ({ key, revision })),
        [THEN]: [
          { op: "put", key: "acc0", value: String(Number(from.value) - 1) },
          { op: "put", key: "acc1", value: String(Number(to.value) + 1) },
        ],
      });
      if (done.json.succeeded) return;
      retries += 1;
    }
  };
  await Promise.all(Array.from({ length: 10 }, (_, i) => transfer(i % 2 === 0 ? kv : other)));
  assert.ok(retries > 0, "they were in each other's way");
  const values = await Promise.all(
    ["acc0", "acc1"].map(async (key) => String((await other.get(`/v1/keys/${key}`)).bytes)),
  );
  assert.deepEqual(values, ["90", "110"]);
});

test("transactions that are none are refused, and say why", async () => {
  const put = { op: "put", key: "a", value: "1" };
  const cases: readonly [unknown, RegExp][] = [
    [[], /a transaction must be an object/],
    [{ foo: 1 }, /no field "foo"/],
    [{ [THEN]: put }, /then must be a list/],
    [{ [THEN]: Array.from({ length: 129 }, () => put) }, /up to 128/],
    [{ [THEN]: [{ ...put, op: "add" }] }, /op must be/],
    [{ [THEN]: [{ op: "put", key: "a" }] }, /needs a value/],
    [{ [THEN]: [{ ...put, value_base64: "AA==" }] }, /exclude each other/],
    [{ [THEN]: [{ op: "put", key: "a", value_base64: "A" }] }, /must be base64/],
    [{ [THEN]: [{ op: "put", value: "1" }] }, /key_base64 is missing/],
    [{ [THEN]: [{ ...put, key: "" }] }, /at least one byte/],
    [{ [THEN]: [{ ...put, key: "\ud800" }] }, /must be text/],
    [{ [THEN]: [{ ...put, key: "k".repeat(65 * 1024) }] }, /key is too long/],
    [{ [THEN]: [{ ...put, ttl_ms: 0 }] }, /ttl_ms/],
    [{ [THEN]: [{ ...put, ttl_ms: 1.5 }] }, /ttl_ms/],
    [{ [THEN]: [{ ...put, content_type: "a\nb" }] }, /content type/],
    [{ [THEN]: [{ op: "get", key: "a", value: "1" }] }, /get has a key alone/],
    [{ compare: [{ key: "a" }] }, /one of exists, revision and value/],
    [{ compare: [{ key: "a", exists: true, revision: 1 }] }, /one of exists, revision and value/],
    [{ compare: [{ key: "a", revision: -1 }] }, /natural number/],
    [{ compare: [{ key: "a", revision: 1, is: "~" }] }, /is must be/],
    [{ compare: [{ key: "a", exists: true, is: "=" }] }, /without is/],
  ];
  for (const [body, message] of cases) {
    const answer = await kv.ask("POST", "/v1/transactions", { body: JSON.stringify(body) });
    assert.equal(answer.status, 400, JSON.stringify(body).slice(0, 100));
    assert.match(answer.json.message, message);
  }
  assert.equal((await kv.ask("POST", "/v1/transactions", { body: "{" })).status, 400);
  assert.equal((await kv.ask("POST", "/v1/transactions", { body: new Uint8Array([0xff]) })).status, 400);
  assert.equal((await kv.get("/v1/keys/a")).status, 404);
});

test("a watch tells each change once, in order, with what a transaction did together", async () => {
  const start = (await kv.put("/v1/keys/w:0", "0")).json.revision;
  const watch = await EventStream.open(`${kv.url}/v1/watch?prefix=w:`);
  assert.equal((await watch.next())?.event, "ready");
  const set = (await kv.put("/v1/keys/w:1?ttl_ms=60", "1", { "content-type": "text/plain" })).json.revision;
  await kv.put("/v1/keys/other", "x");
  const both = {
    [THEN]: [
      { op: "put", key: "w:2", value: "2" },
      { op: "delete", key: "w:0" },
    ],
  };
  const { revision } = (await kv.transact(both)).json;
  const first = await watch.next();
  assert.equal(first?.id, String(set));
  const [{ expires_at_ms: expiresAtMs, ...change }] = first?.data.changes ?? [];
  assert.deepEqual(change, { key: "w:1", type: "string", content_type: "text/plain", value: "1" });
  assert.equal(typeof expiresAtMs, "number");
  assert.deepEqual(await watch.next(), {
    event: "changes",
    id: String(revision),
    data: {
      revision,
      changes: [
        { key: "w:2", type: "string", value: "2" },
        { key: "w:0", type: null },
      ],
    },
  });
  // Nobody writes: the key expires nevertheless, because somebody watches.
  assert.deepEqual((await watch.next())?.data.changes, [{ key: "w:1", type: null }]);
  await kv.redis("FLUSHALL");
  assert.deepEqual((await watch.next())?.data.changes, [{ all_keys: true, type: null }]);
  watch.close();

  const from = await EventStream.open(`${kv.url}/v1/watch?prefix=w:&from=${start}`);
  assert.equal((await from.next())?.id, String(start));
  assert.equal((await from.next())?.id, String(set));
  from.close();
  const resumed = await EventStream.open(`${kv.url}/v1/watch?prefix=w:&from=0`, { "last-event-id": String(set) });
  await resumed.next();
  assert.equal((await resumed.next())?.id, String(revision));
  resumed.close();
});

test("a watcher that lost its connection, again and again, misses nothing and sees nothing twice", async () => {
  const seen: string[] = [];
  let last = String((await kv.put("/v1/keys/again", "start")).json.revision);
  const writing = (async () => {
    for (let i = 0; i < 100; i += 1) await kv.put("/v1/keys/again", String(i));
  })();
  while (seen.length < 100) {
    const watch = await EventStream.open(`${kv.url}/v1/watch?prefix=again`, { "last-event-id": last });
    await watch.next();
    for (let i = 0; i < 7 && seen.length < 100; i += 1) {
      const event = await watch.next();
      seen.push(event?.data.changes[0].value);
      last = String(event?.id);
    }
    watch.close();
  }
  await writing;
  assert.deepEqual(
    seen,
    Array.from({ length: 100 }, (_, i) => String(i)),
  );
});

test("who asks for what is no longer remembered is told so, while it watches, too", async (t) => {
  const small = await LocalHttp.start({ historyBytes: 3000 });
  t.after(() => small.stop());
  const { revision } = (await small.put("/v1/keys/a", "1")).json;
  for (let i = 0; i < 50; i += 1) await small.put("/v1/keys/a", String(i));
  const gone = await small.get(`/v1/watch?from=${revision}`);
  assert.equal(gone.status, 410);
  assert.equal(gone.json.code, "revision_gone");
  const watch = await EventStream.open(`${small.url}/v1/watch`);
  await watch.next();
  // One turn: the log takes more than is remembered before anybody is told.
  await Promise.all(Array.from({ length: 100 }, (_, i) => small.redis("SET", "a", `x${i}`)));
  const told = [];
  for (let event = await watch.next(); event !== undefined; event = await watch.next()) told.push(event);
  assert.equal(told.at(-1)?.event, "error");
  assert.equal(told.at(-1)?.data.code, "revision_gone");
});

test("an empty log is no reason to wait: everything from the beginning is what comes", async (t) => {
  const empty = await LocalHttp.start({ readTimeoutMs: 500 });
  t.after(() => empty.stop());
  assert.deepEqual((await empty.get("/v1/keys?at_least=0")).json, { keys: [], has_more: false, revision: 0 });
  const watch = await EventStream.open(`${empty.url}/v1/watch?from=0`);
  await watch.next();
  await empty.put("/v1/keys/first", "1");
  assert.equal((await watch.next())?.data.changes[0].key, "first");
  watch.close();
});

test("a watch ends with its replica, and a stop does not wait for it", async (t) => {
  const brief = await LocalHttp.start();
  t.after(() => brief.stop());
  const watch = await EventStream.open(`${brief.url}/v1/watch`);
  await watch.next();
  await brief.stop();
  assert.equal((await watch.next())?.event, "error");
  assert.equal(await watch.next(), undefined);
});

test("a key's history has what it was, the newest first, on pages", async (t) => {
  const fresh = await LocalHttp.start();
  t.after(() => fresh.stop());
  const revisions: number[] = [];
  for (const value of ["1", "2"]) revisions.push((await fresh.put("/v1/keys/old", value)).json.revision);
  revisions.push((await fresh.ask("DELETE", "/v1/keys/old")).json.revision);
  revisions.push((await fresh.put("/v1/keys/old", new Uint8Array([255]))).json.revision);
  const { json } = await fresh.get("/v1/keys/old/history");
  assert.deepEqual(json.changes, [
    { revision: revisions[3], key: "old", type: "string", value_base64: "/w==" },
    { revision: revisions[2], key: "old", type: null },
    { revision: revisions[1], key: "old", type: "string", value: "2" },
    { revision: revisions[0], key: "old", type: "string", value: "1" },
  ]);
  assert.equal(json.has_more, false);
  assert.equal(json.remembered_after, 0);
  const page = (await fresh.get(`/v1/keys/old/history?limit=2&before=${revisions[3]}`)).json;
  assert.deepEqual(
    page.changes.map(({ revision }: { revision: number }) => revision),
    [revisions[2], revisions[1]],
  );
  assert.equal(page.has_more, true);
  assert.deepEqual((await fresh.get("/v1/keys/never/history")).json.changes, []);
});

test("a replica that has restarted remembers what it read in the log", async (t) => {
  await kv.put("/v1/keys/restart", "1");
  const { revision } = (await kv.put("/v1/keys/restart", "2")).json;
  const other = await LocalHttp.start({}, kv.stream);
  t.after(() => other.stop());
  const { changes } = (await other.get("/v1/keys/restart/history")).json;
  assert.equal(changes.length, 2);
  assert.equal(changes[0].revision, revision);
});
