// The simulated store: what the weather does to requests, and what it never does. Every effect is one that a real store could have.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ObjectStoreError } from "@tailrace/engine/object-store";
import { Bucket } from "./bucket.ts";
import { BucketClient } from "./bucket-client.ts";
import { Chance } from "./chance.ts";
import { CollectionWatch } from "./collection-watch.ts";
import { LogWatch } from "./log-watch.ts";
import { QuotaWatch } from "./quota-watch.ts";
import { Lane, Scheduler } from "./scheduler.ts";
import { Trace } from "./trace.ts";
import { WEATHERS, type Weather } from "./weather.ts";

interface Setting {
  readonly bucket: Bucket;
  readonly scheduler: Scheduler;
  readonly lane: Lane;
  readonly client: BucketClient;
  readonly violations: string[];
  until<T>(work: Promise<T>): Promise<T>;
}

function setting(weather: Weather, seed = 1, exclusive = false): Setting {
  const bucket = new Bucket(exclusive);
  bucket.put("deployment.json", Buffer.from('{"window":16}'));
  const scheduler = new Scheduler(new Chance(seed), new Trace(false));
  const lane = new Lane("process");
  const violations: string[] = [];
  const client = new BucketClient({
    bucket,
    scheduler,
    lane,
    chance: new Chance(seed + 1),
    weather: () => weather,
    watch: new LogWatch(bucket, (what) => violations.push(what)),
    collection: new CollectionWatch((what) => violations.push(what)),
    quota: new QuotaWatch({ perBasin: {}, perToken: {} }, (what) => violations.push(what)),
    onViolation: (what) => violations.push(what),
  });
  return {
    bucket,
    scheduler,
    lane,
    client,
    violations,
    async until(work) {
      let done = false;
      const mark = () => {
        done = true;
      };
      work.then(mark, mark);
      assert.equal(await scheduler.run(() => done, scheduler.nowMs + 3_600_000), true, "it hangs");
      return work;
    },
  };
}

const LOG_KEY = "shards/0/wal/0000000000000000";
const OTHER_KEY = "key";

const bytes = (text: string) => Buffer.from(text);

/** How a put ended: `done`, or the kind of its error. */
async function outcomeOf(put: Promise<void>): Promise<string> {
  try {
    await put;
    return "done";
  } catch (error) {
    assert.ok(error instanceof ObjectStoreError, String(error));
    return error.kind;
  }
}

describe("in calm weather", () => {
  test("objects are put if absent, read whole and in ranges, listed in order, deleted", async () => {
    const { client, until } = setting(WEATHERS.calm);
    await until(client.putIfAbsent("a/2", [bytes("hello, "), bytes("world")]));
    await until(client.putIfAbsent("a/1", [bytes("x")]));
    await until(client.put("b", [bytes("y")]));
    assert.equal(await outcomeOf(until(client.putIfAbsent("a/2", [bytes("again")]))), "exists");
    assert.equal(Buffer.from(await until(client.get("a/2"))).toString(), "hello, world");
    assert.equal(Buffer.from(await until(client.getRange("a/2", 7, 100))).toString(), "world");
    assert.deepEqual(await until(client.list("a/")), ["a/1", "a/2"]);
    assert.deepEqual(await until(client.list("a/", "a/1")), ["a/2"]);
    await until(client.delete("a/1"));
    await until(client.delete("a/1"));
    await assert.rejects(until(client.get("a/1")), (error: unknown) => (error as ObjectStoreError).kind === "absent");
    assert.equal(client.underWay, 0);
  });

  test("what is handed out is a copy, and bytes that change under way are seen", async () => {
    const { client, until, violations } = setting(WEATHERS.calm);
    const buffer = bytes("first");
    const put = client.putIfAbsent("a", [buffer]);
    buffer.fill("x");
    await until(put);
    assert.equal(violations.length, 1);
    const got = await until(client.get("a"));
    got.fill(0);
    assert.equal(Buffer.from(await until(client.get("a"))).toString(), "first");
  });
});

describe("in any weather", () => {
  for (const weather of Object.values(WEATHERS)) {
    for (const exclusive of [false, true]) {
      test(`${weather.name}${exclusive ? ", on a disk" : ""}: answers are true`, async () => {
        const outcomes = new Map<string, number>();
        const key = weather.about === "the log" ? LOG_KEY : OTHER_KEY;
        for (let seed = 1; seed <= 60; seed += 1) {
          const { client, until, bucket, scheduler } = setting(weather, seed, exclusive);
          const outcome = await outcomeOf(until(client.putIfAbsent(key, [bytes("mine")])));
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          const atOnce = bucket.get(key) !== undefined;
          // Whatever is late has come by then.
          await scheduler.run(() => false, scheduler.nowMs + 600_000);
          const inTheEnd = bucket.get(key) !== undefined;
          if (outcome === "done") assert.ok(atOnce);
          if (["unavailable", "full", "denied"].includes(outcome)) assert.ok(!inTheEnd, `${outcome} had an effect`);
          assert.notEqual(outcome, "exists");
          assert.notEqual(outcome, "absent");
        }
        // What has reached a disk's kernel is not late.
        const late = exclusive ? 0 : weather.late;
        if (weather === WEATHERS.calm) assert.deepEqual([...outcomes.keys()], ["done"]);
        else if (weather.refused + weather.requestLost + weather.answerLost + late + weather.denied > 0)
          assert.ok(outcomes.size > (weather.requestLost === 1 ? 0 : 1), [...outcomes.keys()].join());
      });
    }
  }

  test("one part of the store may have troubles, and the other none", async () => {
    for (const [weather, spared] of [
      [WEATHERS.logAway, OTHER_KEY],
      [WEATHERS.flushAway, LOG_KEY],
    ] as const) {
      const { client, until } = setting(weather);
      assert.equal(await outcomeOf(until(client.putIfAbsent(spared, [bytes("mine")]))), "done");
    }
  });

  test("ambiguous puts sometimes took effect and sometimes did not; late ones come after their sender's death", async () => {
    let withEffect = 0;
    let without = 0;
    let afterDeath = 0;
    for (let seed = 1; seed <= 300; seed += 1) {
      const { client, until, bucket, scheduler, lane } = setting({ ...WEATHERS.flaky, late: 0.3 }, seed);
      const outcome = await outcomeOf(until(client.putIfAbsent("key", [bytes("mine")])));
      if (outcome !== "ambiguous") continue;
      scheduler.kill(lane);
      const atOnce = bucket.get("key") !== undefined;
      await scheduler.run(() => false, scheduler.nowMs + 600_000);
      if (bucket.get("key") === undefined) without += 1;
      else if (atOnce) withEffect += 1;
      else afterDeath += 1;
    }
    assert.ok(withEffect > 5 && without > 5 && afterDeath > 5, `${withEffect} ${without} ${afterDeath}`);
  });

  test("a delete of many may delete some: what it says is gone is gone, and of what it does not say anything may be", async () => {
    const outcomes = { whole: 0, told: 0, untold: 0 };
    const keys = Array.from({ length: 20 }, (_, i) => `shards/0/manifest/${String(i).padStart(16, "0")}`);
    for (let seed = 1; seed <= 200; seed += 1) {
      const { client, until, bucket } = setting(WEATHERS.flaky, seed);
      for (const key of keys) bucket.put(key, bytes("x"));
      const deleted = await until(client.deleteMany(keys)).catch((error: unknown) => {
        assert.ok(error instanceof ObjectStoreError, String(error));
        return undefined;
      });
      if (deleted === undefined) {
        if (bucket.keys.length > 1 && bucket.keys.length < 1 + keys.length) outcomes.untold += 1;
        continue;
      }
      const kept = deleted.undeleted.map(({ key }) => key);
      assert.deepEqual(
        bucket.keys.filter((key) => key !== "deployment.json"),
        kept,
      );
      outcomes[kept.length === 0 ? "whole" : "told"] += 1;
    }
    assert.ok(Math.min(...Object.values(outcomes)) > 5, JSON.stringify(outcomes));
  });

  test("nothing of a dead process reaches a disk", async () => {
    const { client, scheduler, lane, bucket } = setting(WEATHERS.slow, 1, true);
    void client.putIfAbsent("key", [bytes("mine")]);
    scheduler.kill(lane);
    await scheduler.run(() => false, 600_000);
    assert.equal(bucket.get("key"), undefined);
  });
});

test("rot damages one object, and says which", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const bucket = new Bucket(false);
    bucket.put("a", bytes("some bytes"));
    bucket.put("b", bytes("other bytes"));
    const rot = bucket.rot(["b"], new Chance(seed));
    assert.equal(rot?.key, "b");
    assert.notEqual(Buffer.from(bucket.get("b") ?? "").toString(), "other bytes");
    assert.equal(Buffer.from(bucket.get("a") ?? "").toString(), "some bytes");
  }
});
