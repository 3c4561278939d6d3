// Access tokens as the official SDK uses them: issued, listed, revoked, expired; what they permit; and namespaces of streams.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { AppendInput, AppendRecord, S2Error } from "@s2-dev/streamstore";
import { MemoryStore } from "@tailrace/engine/object-store";
import { type Runtime, systemRuntime } from "@tailrace/engine/runtime";
import { BASIN, client, serve, type TestServer } from "./support.ts";

const ROOT = "the-root-of-these-tests";
const EVERYTHING = {
  account: { read: true, write: true },
  basin: { read: true, write: true },
  stream: { read: true, write: true },
};

const HOUR_MS = 3_600_000;

/** The system's runtime, but that hours pass when they are told to. */
class JumpingClock {
  #offsetMs = 0;
  readonly #hoursAway = new Set<() => void>();
  readonly runtime: Runtime = {
    ...systemRuntime,
    clock: {
      monotonicMs: () => systemRuntime.clock.monotonicMs() + this.#offsetMs,
      wallMs: () => systemRuntime.clock.wallMs() + this.#offsetMs,
    },
    timers: {
      ...systemRuntime.timers,
      set: (delayMs, callback) => {
        if (delayMs < HOUR_MS) return systemRuntime.timers.set(delayMs, callback);
        this.#hoursAway.add(callback);
        return { timerId: callback };
      },
      clear: (timer) => {
        for (const callback of this.#hoursAway) if (callback === timer.timerId) this.#hoursAway.delete(callback);
        if (typeof timer.timerId !== "function") systemRuntime.timers.clear(timer);
      },
    },
  };

  jump(byMs: number): void {
    this.#offsetMs += byMs;
    const due = [...this.#hoursAway];
    this.#hoursAway.clear();
    for (const callback of due) callback();
  }

  get pending(): number {
    return this.#hoursAway.size;
  }
}

const clock = new JumpingClock();
let served: TestServer;
const lines: { audit: Record<string, unknown> }[] = [];
const store = new MemoryStore();
before(async () => {
  served = await serve({
    rootToken: ROOT,
    store,
    runtime: clock.runtime,
    logger: {
      info: (fields) => lines.push(fields as { audit: Record<string, unknown> }),
      error: (fields, message) => console.error(message, fields),
    },
  });
});
after(() => served.stop());

const record = (body: string) => AppendRecord.string({ body });
const status = (expected: number, code?: string) => (error: unknown) =>
  error instanceof S2Error && error.status === expected && (code === undefined || error.code === code);
const once = { retry: { maxAttempts: 1 } };
const as = (accessToken: string) => client(served.url, { accessToken, ...once });
const root = () => as(ROOT);
let counter = 0;
const fresh = (what: string) => `${what}-${counter++}`;

type Issue = Parameters<ReturnType<typeof root>["accessTokens"]["issue"]>[0];

async function issue(scope: Issue["scope"], more: Partial<Issue> = {}, issuer = root()): Promise<string> {
  const { accessToken } = await issuer.accessTokens.issue({ id: fresh("token"), scope, ...more });
  return accessToken;
}

async function collect<T>(each: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of each) all.push(one);
  return all;
}

test("tokens are issued once, listed in order and by page, and revoked once", async () => {
  const prefix = fresh("listed");
  for (const name of ["c", "a", "b"]) {
    await root().accessTokens.issue({ id: `${prefix}/${name}`, scope: { ops: ["read"], basins: { prefix: "" } } });
  }
  await assert.rejects(
    root().accessTokens.issue({ id: `${prefix}/a`, scope: { ops: ["read"] } }),
    status(409, "resource_already_exists"),
  );
  const first = await root().accessTokens.list({ prefix: `${prefix}/`, limit: 2 });
  assert.deepEqual(
    first.accessTokens.map(({ id }) => id),
    [`${prefix}/a`, `${prefix}/b`],
  );
  assert.equal(first.hasMore, true);
  const rest = await root().accessTokens.list({ prefix: `${prefix}/`, startAfter: `${prefix}/b` });
  assert.deepEqual(rest.accessTokens, [
    {
      id: `${prefix}/c`,
      expiresAt: null,
      autoPrefixStreams: false,
      scope: {
        basins: { prefix: "" },
        streams: null,
        accessTokens: null,
        opGroups: {
          account: { read: false, write: false },
          basin: { read: false, write: false },
          stream: { read: false, write: false },
        },
        ops: ["read"],
      },
    },
  ]);
  assert.equal(rest.hasMore, false);
  await root().accessTokens.revoke({ id: `${prefix}/b` });
  await assert.rejects(root().accessTokens.revoke({ id: `${prefix}/b` }), status(404, "access_token_not_found"));
  await root().accessTokens.issue({ id: `${prefix}/b`, scope: { ops: ["read"] } });
});

test("what makes no sense is refused: nothing permitted, bad ids, unknown operations, expiries that have passed", async () => {
  const attempt = (body: object) =>
    fetch(`${served.url}/v1/access-tokens`, {
      method: "POST",
      headers: { authorization: `Bearer ${ROOT}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    }).then(async (response) => [response.status, ((await response.json()) as { code: string }).code]);
  const ops = { ops: ["read"] };
  assert.deepEqual(await attempt({ id: "x", scope: {} }), [422, "invalid"]);
  assert.deepEqual(await attempt({ id: "x", scope: { op_groups: { account: { read: false } } } }), [422, "invalid"]);
  assert.deepEqual(await attempt({ id: "", scope: ops }), [422, "invalid"]);
  assert.deepEqual(await attempt({ id: "ü".repeat(49), scope: ops }), [422, "invalid"]);
  assert.deepEqual(await attempt({ id: "..", scope: ops }), [422, "invalid"]);
  assert.deepEqual(await attempt({ id: "x", scope: { ops: ["fly"] } }), [400, "bad_json"]);
  assert.deepEqual(await attempt({ id: "x", scope: { ...ops, basins: { exact: "a", prefix: "b" } } }), [
    400,
    "bad_json",
  ]);
  assert.deepEqual(await attempt({ id: "x", scope: { ...ops, basins: { exact: "Not A Basin" } } }), [422, "invalid"]);
  assert.deepEqual(await attempt({ id: "x", scope: ops, expires_at: "tomorrow" }), [400, "bad_json"]);
  assert.deepEqual(await attempt({ id: "x", scope: ops, expires_at: "2001-01-01T00:00:00Z" }), [422, "invalid"]);
  for (const streams of [undefined, { exact: "s" }]) {
    assert.deepEqual(await attempt({ id: "x", auto_prefix_streams: true, scope: { ...ops, streams } }), [
      422,
      "invalid",
    ]);
  }
});

test("a name is Unicode text: half a surrogate pair, which a namespace could make whole, is refused", async () => {
  const send = (path: string, body: string) =>
    fetch(`${served.url}/v1${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${ROOT}`, "s2-basin": BASIN, "content-type": "application/json" },
      body,
    }).then(async (response) => [response.status, ((await response.json()) as { code: string }).code]);
  for (const half of ["\\ud83d", "\\udc00"]) {
    assert.deepEqual(await send("/streams", `{"stream":"${half}"}`), [400, "bad_json"]);
    const scope = (streams: string) => `{"id":"half","scope":{"ops":["read"],"streams":${streams}}}`;
    assert.deepEqual(await send("/access-tokens", scope(`{"prefix":"${half}"}`)), [400, "bad_json"]);
    assert.deepEqual(await send("/access-tokens", scope(`{"exact":"${half}"}`)), [400, "bad_json"]);
    assert.deepEqual(await send("/access-tokens", `{"id":"${half}","scope":{"ops":["read"]}}`), [400, "bad_json"]);
  }
});

test("nobody who is not known gets in, and nobody is told why", async () => {
  const id = fresh("revoked");
  const revoked = await issue({ opGroups: EVERYTHING }, { id });
  await root().accessTokens.revoke({ id });
  const valid = await issue({ opGroups: EVERYTHING });
  const forged = `${valid.slice(0, -1)}${valid.endsWith("A") ? "B" : "A"}`;
  const bearers = [
    undefined,
    "Bearer",
    "Bearer wrong",
    `Basic ${ROOT}`,
    `Bearer ${forged}`,
    `Bearer ${revoked}`,
    `Bearer ${valid}x`,
  ];
  const answers = new Set<string>();
  for (const authorization of bearers) {
    const response = await fetch(`${served.url}/v1/basins`, {
      headers: authorization === undefined ? {} : { authorization },
    });
    answers.add(`${response.status} ${await response.text()}`);
  }
  assert.equal(answers.size, 1, [...answers].join("\n"));
  assert.match([...answers][0], /^401 .*"authn"/);
});

test("secrets are nowhere: not in the store, not in listings, not in the audit", async () => {
  const secret = await issue({ ops: ["list-basins"] });
  assert.equal((await as(secret).basins.list()).basins.length, 0);
  await assert.rejects(as(secret).basins.create({ basin: "never-made" }), status(403, "permission_denied"));
  const [, , unguessable] = secret.split(".");
  const objects = await store.list("", "");
  for (const key of objects) {
    const bytes = Buffer.from(await store.get(key));
    assert.ok(!bytes.includes(unguessable) && !bytes.includes(ROOT), key);
  }
  const listed = JSON.stringify(await root().accessTokens.list());
  const audited = JSON.stringify(lines);
  for (const text of [listed, audited]) assert.ok(!text.includes(unguessable) && !text.includes(ROOT));
});

describe("beyond one's own scope nobody issues", () => {
  const scope = {
    ops: ["issue-access-token", "read", "append"] as const,
    opGroups: { basin: { read: true } },
    basins: { prefix: "own-" },
    streams: { prefix: "team/" },
    accessTokens: { prefix: "team/" },
  };
  const within: Issue["scope"] = { ops: ["read"], basins: { prefix: "own-basin" }, streams: { exact: "team/one" } };
  const cases: readonly (readonly [string, Partial<Issue>, boolean])[] = [
    ["less", { scope: within }, true],
    ["the same", { scope: { ...scope, ops: [...scope.ops] } }, true],
    ["nothing where it has something", { scope: { ops: ["read"] } }, true],
    ["an operation of a group that it has", { scope: { ops: ["list-streams"] } }, true],
    ["an operation that it has not", { scope: { ...within, ops: ["read", "trim"] } }, false],
    ["a group that it has not", { scope: { ...within, opGroups: { stream: { read: true } } } }, false],
    ["the writes of a group that it reads", { scope: { ...within, opGroups: { basin: { write: true } } } }, false],
    ["more basins", { scope: { ...within, basins: { prefix: "" } } }, false],
    ["another basin", { scope: { ...within, basins: { exact: "other-basin" } } }, false],
    ["more streams", { scope: { ...within, streams: { prefix: "tea" } } }, false],
    ["more tokens", { scope: { ...within, accessTokens: { exact: "other" } } }, false],
    ["an id that it may not touch", { id: "other/id", scope: within }, false],
  ];
  for (const [what, asked, permitted] of cases) {
    test(what, async () => {
      const issuer = as(await issue({ ...scope, ops: [...scope.ops] }));
      const request = { id: `team/${fresh("child")}`, scope: within, ...asked };
      if (permitted) await issuer.accessTokens.issue(request);
      else await assert.rejects(issuer.accessTokens.issue(request), status(403, "permission_denied"));
    });
  }

  test("an expiry is the issuer's, or earlier", async () => {
    const expiresAt = new Date(Date.now() + 600_000);
    const permissions: Issue["scope"] = {
      ops: ["issue-access-token", "list-access-tokens"],
      accessTokens: { prefix: "" },
    };
    const issuer = as(await issue(permissions, { expiresAt }));
    const id = fresh("expiring");
    await issuer.accessTokens.issue({ id: `${id}/same`, scope: permissions });
    const earlier = new Date(expiresAt.getTime() - 1000);
    await issuer.accessTokens.issue({ id: `${id}/sooner`, scope: permissions, expiresAt: earlier });
    const later = new Date(expiresAt.getTime() + 1000);
    await assert.rejects(
      issuer.accessTokens.issue({ id: `${id}/later`, scope: permissions, expiresAt: later }),
      status(403, "permission_denied"),
    );
    const { accessTokens } = await issuer.accessTokens.list({ prefix: id });
    assert.deepEqual(
      accessTokens.map((token) => [token.id, token.expiresAt]),
      [
        [`${id}/same`, expiresAt],
        [`${id}/sooner`, earlier],
      ],
    );
  });
});

test("listings show what a token may know of", async () => {
  for (const basin of ["seen-basin-one", "seen-basin-two", "hidden-basin"]) await root().basins.create({ basin });
  for (const stream of ["a/1", "a/2", "b/1"]) await root().basin("seen-basin-one").streams.create({ stream });
  const ops: Issue["scope"]["ops"] = ["list-basins", "list-streams", "list-access-tokens"];
  const some = as(
    await issue({ ops, basins: { prefix: "seen-" }, streams: { prefix: "a/" }, accessTokens: { exact: "nobody" } }),
  );
  const names = async (s2: ReturnType<typeof as>, args: { prefix?: string; startAfter?: string } = {}) =>
    (await s2.basins.list(args)).basins.map(({ name }) => name);
  assert.deepEqual(await names(some), ["seen-basin-one", "seen-basin-two"]);
  assert.deepEqual(await names(some, { prefix: "seen-basin-t" }), ["seen-basin-two"]);
  assert.deepEqual(await names(some, { prefix: "hidden" }), []);
  assert.deepEqual(await names(some, { startAfter: "seen-basin-one" }), ["seen-basin-two"]);
  assert.deepEqual(
    (await some.basin("seen-basin-one").streams.list()).streams.map(({ name }) => name),
    ["a/1", "a/2"],
  );
  assert.deepEqual((await some.accessTokens.list()).accessTokens, []);
  const one = as(await issue({ ops, basins: { exact: "seen-basin-two" } }));
  assert.deepEqual(await names(one), ["seen-basin-two"]);
  assert.deepEqual(await names(one, { startAfter: "seen-basin-two" }), []);
  const none = as(await issue({ ops }));
  assert.deepEqual(await names(none), []);
  await assert.rejects(none.basin("seen-basin-one").streams.list(), status(403, "permission_denied"));
});

test("fences and trims need operations of their own, in sessions too", async () => {
  const stream = fresh("commands");
  await root().basin(BASIN).streams.create({ stream });
  const handle = async (...ops: NonNullable<Issue["scope"]["ops"]>) =>
    as(await issue({ ops, basins: { prefix: "" }, streams: { prefix: "" } }))
      .basin(BASIN)
      .stream(stream);
  const appender = await handle("append");
  await appender.append(AppendInput.create([record("a")]));
  await assert.rejects(appender.append(AppendInput.create([AppendRecord.fence("x")])), status(403));
  await assert.rejects(appender.append(AppendInput.create([record("b"), AppendRecord.trim(0)])), status(403));
  const fencer = await handle("fence");
  await fencer.append(AppendInput.create([AppendRecord.fence("x")]));
  await assert.rejects(fencer.append(AppendInput.create([record("a")])), status(403));
  await assert.rejects(fencer.append(AppendInput.create([AppendRecord.fence("y"), record("a")])), status(403));
  await (await handle("trim")).append(AppendInput.create([AppendRecord.trim(1)]));
  const session = await appender.appendSession();
  const accepted = await session.submit(AppendInput.create([record("c")]));
  assert.equal((await accepted.ack()).start.seqNum, 3);
  const refused = await session.submit(AppendInput.create([AppendRecord.trim(2)]));
  await assert.rejects(refused.ack(), status(403));
  await session.close().catch(() => undefined);
});

describe("a namespace of streams", () => {
  const scope: Issue["scope"] = {
    basins: { exact: BASIN },
    streams: { prefix: "tenant/" },
    accessTokens: { prefix: "" },
    opGroups: EVERYTHING,
  };

  test("is added on the way in and taken off on the way out, everywhere", async () => {
    const tenant = as(await issue(scope, { autoPrefixStreams: true })).basin(BASIN);
    const all = root().basin(BASIN);
    const created = await tenant.streams.create({ stream: "one" });
    assert.equal(created.name, "one");
    assert.equal((await tenant.streams.ensure({ stream: "two" })).stream.name, "two");
    await tenant.stream("one").append(AppendInput.create([record("a")]));
    assert.equal((await tenant.stream("one").checkTail()).tail.seqNum, 1);
    assert.equal((await all.stream("tenant/one").checkTail()).tail.seqNum, 1);
    await all.streams.create({ stream: "tenant2/other" });
    await all.streams.create({ stream: "one" });
    const names = async (args: Parameters<typeof tenant.streams.list>[0] = {}) =>
      (await tenant.streams.list(args)).streams.map(({ name }) => name);
    assert.deepEqual(await names(), ["one", "two"]);
    assert.deepEqual(await names({ prefix: "t" }), ["two"]);
    assert.deepEqual(await names({ prefix: "tenant/" }), []);
    assert.deepEqual(await names({ startAfter: "one" }), ["two"]);
    assert.deepEqual(
      (await collect(tenant.streams.listAll({ limit: 1 }))).map(({ name }) => name),
      ["one", "two"],
    );
    assert.equal((await tenant.streams.getConfig({ stream: "one" })).storageClass, "express");
    await tenant.streams.reconfigure({ stream: "one", storageClass: "standard" });
    assert.equal((await all.streams.getConfig({ stream: "tenant/one" })).storageClass, "standard");
    await tenant.streams.delete({ stream: "two" });
    // Every error about a stream, and none of them tells the prefix.
    const failures = [
      tenant.streams.create({ stream: "one" }),
      tenant.streams.create({ stream: "two" }),
      tenant.streams.getConfig({ stream: "missing" }),
      tenant.streams.delete({ stream: "missing" }),
      tenant.streams.create({ stream: "x".repeat(506) }),
      tenant.stream("two").checkTail(),
    ];
    for (const failure of await Promise.allSettled(failures)) {
      assert.equal(failure.status, "rejected");
      assert.ok(failure.reason instanceof S2Error);
      assert.ok(!failure.reason.message.includes("tenant"), failure.reason.message);
    }
    await tenant.stream("one").close();
  });

  test("goes on in the tokens that its holder issues", async () => {
    const tenant = as(await issue(scope, { autoPrefixStreams: true }));
    const id = fresh("child");
    const secret = await issue({ ...scope, streams: { prefix: "team/" } }, { id, autoPrefixStreams: true }, tenant);
    await as(secret).basin(BASIN).streams.create({ stream: "deep" });
    assert.deepEqual(
      (await root().basin(BASIN).streams.list({ prefix: "tenant/team/" })).streams.map(({ name }) => name),
      ["tenant/team/deep"],
    );
    const listed = async (s2: ReturnType<typeof root>) => (await s2.accessTokens.list({ prefix: id })).accessTokens[0];
    assert.deepEqual((await listed(tenant)).scope.streams, { prefix: "team/" });
    assert.deepEqual((await listed(root())).scope.streams, { prefix: "tenant/team/" });
    // Without a namespace of its own, a child lives in its issuer's.
    const exact = await issue({ ...scope, streams: { exact: "team/deep" } }, {}, tenant);
    assert.equal((await as(exact).basin(BASIN).streams.getConfig({ stream: "team/deep" })).storageClass, "express");
    assert.deepEqual(
      (await as(exact).basin(BASIN).streams.list()).streams.map(({ name }) => name),
      ["team/deep"],
    );
    await assert.rejects(as(exact).basin(BASIN).streams.getConfig({ stream: "tenant/team/deep" }), status(403));
  });
});

describe("access that ends", () => {
  const scope: Issue["scope"] = { basins: { prefix: "" }, streams: { prefix: "" }, opGroups: EVERYTHING };
  const ends = {
    revoked: async (id: string) => {
      const secret = await issue(scope, { id });
      return { secret, end: () => root().accessTokens.revoke({ id }) };
    },
    expired: async (id: string) => {
      const secret = await issue(scope, { id, expiresAt: new Date(Date.now() + 2 * HOUR_MS) });
      return { secret, end: async () => clock.jump(3 * HOUR_MS) };
    },
  };
  for (const [how, begin] of Object.entries(ends)) {
    test(`ends open sessions too when it is ${how}`, async () => {
      const stream = fresh("ended");
      await root()
        .basin(BASIN)
        .stream(stream)
        .append(AppendInput.create([record("first")]));
      const { secret, end } = await begin(fresh("ending"));
      const held = as(secret).basin(BASIN).stream(stream);
      const appending = await held.appendSession();
      await (await appending.submit(AppendInput.create([record("second")]))).ack();
      const reading = await held.readSession({ start: { from: { seqNum: 0 } } });
      const seen: string[] = [];
      const followed = (async () => {
        for await (const each of reading) seen.push(each.body);
      })();
      const events = await fetch(`${served.url}/v1/streams/${stream}/records?seq_num=0`, {
        headers: { authorization: `Bearer ${secret}`, accept: "text/event-stream", "s2-basin": BASIN },
      });
      const text = events.text();
      const waiting = fetch(`${served.url}/v1/streams/${stream}/records?seq_num=2&wait=60`, {
        headers: { authorization: `Bearer ${secret}`, "s2-basin": BASIN },
      });
      await end();
      await assert.rejects(followed, status(401));
      assert.deepEqual(seen, ["first", "second"]);
      assert.match(await text, /event: error\ndata: .*"authn"/);
      assert.equal((await waiting).status, 401);
      // The session's end may be noticed on sending or on waiting for the acknowledgement.
      await assert.rejects(async () => {
        const ticket = await appending.submit(AppendInput.create([record("never")]));
        await ticket.ack();
      });
      await appending.close().catch(() => undefined);
      assert.ok(clock.pending <= 1, "no timer is left behind but the retention's");
      await assert.rejects(as(secret).basins.list(), status(401, "authn"));
      const { tail } = await root().basin(BASIN).stream(stream).checkTail();
      assert.equal(tail.seqNum, 2);
    });
  }
});

test("the root token can be replaced without losing the others", async (t) => {
  const rotating = await serve({ rootToken: "before" });
  t.after(() => rotating.stop());
  const { accessToken } = await client(rotating.url, { accessToken: "before" }).accessTokens.issue({
    id: "kept",
    scope: { ops: ["list-access-tokens"], accessTokens: { prefix: "" } },
  });
  rotating.server.replaceRootToken("after");
  await assert.rejects(client(rotating.url, { accessToken: "before", ...once }).basins.list(), status(401));
  assert.equal((await client(rotating.url, { accessToken: "after", ...once }).basins.list()).basins.length, 1);
  const { accessTokens } = await client(rotating.url, { accessToken, ...once }).accessTokens.list();
  assert.deepEqual(
    accessTokens.map(({ id }) => id),
    ["kept"],
  );
});

test("without a root token anybody may do everything, but for the holders of issued tokens", async (t) => {
  const open = await serve();
  t.after(() => open.stop());
  const anyone = client(open.url, { accessToken: "whatever", ...once });
  const { accessToken } = await anyone.accessTokens.issue({ id: "limited", scope: { ops: ["list-basins"] } });
  await assert.rejects(
    client(open.url, { accessToken, ...once }).basins.create({ basin: "never-made" }),
    status(403, "permission_denied"),
  );
  await anyone.accessTokens.revoke({ id: "limited" });
  await assert.rejects(client(open.url, { accessToken, ...once }).basins.list(), status(401, "authn"));
});

test("tokens and revocations outlive the process", async () => {
  const shared = new MemoryStore();
  const first = await serve({ rootToken: ROOT, store: shared });
  const { accessTokens } = client(first.url, { accessToken: ROOT });
  const scope: Issue["scope"] = { ops: ["list-basins"], basins: { prefix: "" } };
  const kept = await accessTokens.issue({ id: "kept", scope });
  const gone = await accessTokens.issue({ id: "gone", scope });
  await accessTokens.revoke({ id: "gone" });
  await first.stop();
  const second = await serve({ rootToken: ROOT, store: shared });
  const basins = (accessToken: string) => client(second.url, { accessToken, ...once }).basins.list();
  assert.equal((await basins(kept.accessToken)).basins.length, 1);
  await assert.rejects(basins(gone.accessToken), status(401, "authn"));
  await second.stop();
});

test("the audit says who did what, and how it ended", async () => {
  // What the tests before this one were refused is bounded by the second.
  clock.jump(1_000);
  const from = lines.length;
  const id = fresh("audited");
  const secret = await issue({ ops: ["create-basin"], basins: { prefix: "audited-" } }, { id });
  await as(secret).basins.create({ basin: "audited-basin" });
  await assert.rejects(as(secret).basins.create({ basin: "audited-basin" }), status(409));
  await assert.rejects(as(secret).basins.create({ basin: "other-basin" }), status(403));
  await assert.rejects(
    as(secret)
      .basin(BASIN)
      .stream("s")
      .append(AppendInput.create([record("a")])),
    status(403),
  );
  await assert.rejects(as("nobody").basins.list(), status(401));
  const who = `token:${id}`;
  const base = { operation: "create-basin", method: "POST" };
  assert.deepEqual(
    lines.slice(from).map(({ audit }) => audit),
    [
      { who: "root", operation: "issue-access-token", method: "POST", resource: id, status: 201, result: "ok" },
      { who, ...base, resource: "audited-basin", status: 201, result: "created" },
      { who, ...base, resource: "audited-basin", status: 409, result: "resource_already_exists" },
      { who, ...base, resource: "other-basin", status: 403, result: "permission_denied" },
      { who, operation: "append", method: "POST", resource: null, status: 403, result: "permission_denied" },
      { who: null, operation: "list-basins", method: "GET", resource: null, status: 401, result: "authn" },
    ],
  );
});

test("/metrics can be put behind a token", async (t) => {
  const guarded = await serve({ rootToken: ROOT, metricsAuth: true });
  t.after(() => guarded.stop());
  const get = (token?: string) =>
    fetch(`${guarded.url}/metrics`, token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } });
  const s2 = client(guarded.url, { accessToken: ROOT });
  const { accessToken: other } = await s2.accessTokens.issue({ id: "other", scope: { ops: ["list-basins"] } });
  const { accessToken: scraper } = await s2.accessTokens.issue({ id: "scraper", scope: { ops: ["account-metrics"] } });
  assert.equal((await get()).status, 401);
  assert.equal((await get(other)).status, 403);
  const scraped = await get(scraper);
  assert.equal(scraped.status, 200);
  assert.match(await scraped.text(), /tailrace_basins 1/);
  assert.equal((await fetch(`${guarded.url}/health`)).status, 200);
});
