// The metrics API as the official SDK and plain HTTP see it: sets, shapes, ranges, and what they refuse.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { AppendInput, AppendRecord } from "@s2-dev/streamstore";
import { MemoryStore } from "@tailrace/engine/object-store";
import { BASIN, client, serve, type TestServer } from "./support.ts";

let served: TestServer;
before(async () => {
  served = await serve({
    prices: { storageGibMonth: 0, appendMillion: 1e6, readMillion: 0, appendGib: 0, readGib: 0 },
  });
  const stream = client(served.url).basin(BASIN).stream("used");
  await stream.append(AppendInput.create([AppendRecord.string({ body: "12" }), AppendRecord.string({ body: "345" })]));
  const session = await stream.readSession({ start: { from: { seqNum: 0 } }, stop: { limits: { count: 2 } } });
  for await (const record of session) assert.ok(record.body.length > 1);
  await stream.read({ start: { from: { seqNum: 1 } } });
  await stream.checkTail();
  await client(served.url).basin(BASIN).streams.list();
  await client(served.url).basins.list();
  await stream.close();
});
after(() => served.stop());

const hour = () => ({ start: Date.now() - 3_600_000, end: Date.now() });
type Metric = Awaited<ReturnType<ReturnType<typeof client>["metrics"]["basin"]>>["values"][number];

/** The sum of each series. */
function sumsOf(values: readonly Metric[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const metric of values) {
    assert.ok("accumulation" in metric);
    const { name, values: points } = metric.accumulation;
    sums[name] = points.reduce((sum, [, value]) => sum + value, 0);
  }
  return sums;
}

test("what was done shows in the sets of basin and account, by every interval", async () => {
  const { metrics } = client(served.url);
  for (const interval of ["minute", "hour", "day"] as const) {
    const basin = async (set: "append-ops" | "read-ops" | "append-throughput" | "read-throughput" | "basin-ops") =>
      sumsOf((await metrics.basin({ basin: BASIN, set, interval, ...hour() })).values);
    assert.deepEqual(await basin("append-ops"), { express: 1 });
    assert.deepEqual(await basin("read-ops"), { streaming: 1, unary: 1 });
    assert.deepEqual(await basin("append-throughput"), { "append-throughput": 10 + 11 });
    assert.deepEqual(await basin("read-throughput"), { "read-throughput": 21 + 11 });
    assert.deepEqual(await basin("basin-ops"), { "check-tail": 1, "list-streams": 1 });
  }
  const account = sumsOf((await metrics.account({ set: "account-ops", ...hour() })).values);
  assert.equal(account["list-basins"], 1);
  assert.equal(account["basin-metrics"], 15);
  const [active] = (await metrics.account({ set: "active-basins", ...hour() })).values;
  assert.ok("label" in active);
  assert.deepEqual(active.label.values, [BASIN]);
});

test("storage is a gauge of what is stored now and was before", async () => {
  const { metrics } = client(served.url);
  for (const { values } of [
    await metrics.basin({ basin: BASIN, set: "storage", ...hour() }),
    await metrics.stream({ basin: BASIN, stream: "used", set: "storage", ...hour() }),
    await metrics.stream({ basin: BASIN, stream: "used", set: "storage", start: Date.now(), end: Date.now() }),
  ]) {
    const [metric] = values;
    assert.ok("gauge" in metric);
    assert.equal(metric.gauge.unit, "bytes");
    assert.equal(metric.gauge.values.at(-1)?.[1], 21);
  }
});

const call = async (path: string) => {
  const response = await fetch(`${served.url}${path}`);
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text) };
};

test("estimates of costs are made with the operator's prices", async () => {
  const now = Math.floor(Date.now() / 1000);
  const { body } = await call(`/v1/metrics?set=estimated-billable-usage&start=${now - 60}&end=${now}&interval=day`);
  assert.equal(body.values.length, 1);
  const { name, unit, interval, values } = body.values[0].accumulation;
  assert.deepEqual([name, unit, interval], ["append-ops", "usd", "day"]);
  assert.equal(values.at(-1)[1], 1);
  assert.equal(values.at(-1)[0] % 86_400, 0);
});

test("what makes no sense is refused, and what was never used is empty", async () => {
  const now = Math.floor(Date.now() / 1000);
  const day = 86_400;
  const range = `start=${now - 60}&end=${now}`;
  const refusals: [string, number, string][] = [
    ["/v1/metrics", 400, "bad_query"],
    [`/v1/metrics?set=storage&${range}`, 400, "bad_query"],
    [`/v1/metrics/${BASIN}?set=account-ops&${range}`, 400, "bad_query"],
    [`/v1/metrics/${BASIN}/used?set=append-ops&${range}`, 400, "bad_query"],
    [`/v1/metrics?set=account-ops&interval=week&${range}`, 400, "bad_query"],
    ["/v1/metrics?set=account-ops&start=-1&end=1", 400, "bad_query"],
    ["/v1/metrics?set=account-ops&start=0&end=4294967296", 400, "bad_query"],
    [`/v1/metrics?set=account-ops&start=${now}`, 422, "invalid"],
    [`/v1/metrics?set=active-basins&end=${now}`, 422, "invalid"],
    [`/v1/metrics?set=account-ops&start=${now}&end=${now - 1}`, 422, "invalid"],
    [`/v1/metrics?set=account-ops&start=${now}&end=${now + 601}`, 422, "invalid"],
    [`/v1/metrics?set=account-ops&start=${now - 91 * day}&end=${now}`, 422, "invalid"],
    [`/v1/metrics?set=active-basins&start=${now - 40 * day}&end=${now}`, 422, "invalid"],
    [`/v1/metrics?set=estimated-billable-usage&interval=minute&${range}`, 422, "invalid"],
    [`/v1/metrics/${BASIN}?set=storage&interval=minute&${range}`, 422, "invalid"],
    [`/v1/metrics/${BASIN}/used?set=storage&interval=hour&${range}`, 422, "invalid"],
    ["/v1/metrics/BASIN?set=storage&start=0&end=1", 400, "bad_path"],
  ];
  for (const [path, status, code] of refusals) {
    const answer = await call(path);
    assert.deepEqual([answer.status, answer.body.code], [status, code], path);
  }
  for (const path of [
    "/v1/metrics?set=account-ops&start=0&end=3600",
    `/v1/metrics?set=account-ops&start=${now - 90 * day}&end=${now - 80 * day}`,
    `/v1/metrics/${BASIN}?set=append-ops&start=0&end=3600`,
    `/v1/metrics/no-such-basin?set=append-ops&${range}`,
    `/v1/metrics/${BASIN}/no-such-stream?set=storage&${range}`,
    `/v1/metrics/${BASIN}/used?set=storage&start=0&end=3600`,
  ]) {
    assert.deepEqual(await call(path), { status: 200, body: { values: [] } }, path);
  }
});

test("a token sees the basins that it may know of, and no others", async (t) => {
  const own = await serve({ store: new MemoryStore(), rootToken: "root" });
  t.after(() => own.stop());
  const root = client(own.url, { accessToken: "root" });
  await root.basins.create({ basin: "hidden-basin" });
  await root.basin("hidden-basin").streams.create({ stream: "s" });
  await root.basin(BASIN).streams.create({ stream: "s" });
  const { accessToken } = await root.accessTokens.issue({
    id: "watcher",
    scope: { basins: { exact: BASIN }, ops: ["account-metrics"] },
  });
  const [active] = (await client(own.url, { accessToken }).metrics.account({ set: "active-basins", ...hour() })).values;
  assert.ok("label" in active);
  assert.deepEqual(active.label.values, [BASIN]);
});

test("what docs/metrics.md names for Prometheus is there", async (t) => {
  // A store that is far away, with a cache on the disk.
  const remote = await serve({
    storeMeter: {
      counts: { get: 1 },
      hedges: { hedged: 2, won: 1 },
      diskCache: { bytes: 1, counts: { hits: 1, misses: 1, damaged: 0, unkept: 0, evicted: 0 } },
    },
  });
  t.after(() => remote.stop());
  const text = await (await fetch(`${remote.url}/metrics`)).text();
  const docs = readFileSync(join(import.meta.dirname, "../../../docs/metrics.md"), "utf8");
  const names = [...docs.matchAll(/`((?:s2|tailrace)_[a-z0-9_]+)/g)].map(([, name]) => name);
  assert.ok(names.length > 15);
  for (const name of names) assert.match(text, new RegExp(`^# TYPE ${name} `, "m"));
  assert.match(text, /^process_resident_memory_bytes /m);
});
