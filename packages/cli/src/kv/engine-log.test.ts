// What a replica relies on, of the log in the engine and of the same log through server and SDK: one answers as the other.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Engine } from "@tailrace/engine";
import { MemoryStore } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { createS2Log, type Follower, type Log, type LogFailure, type LogRecord } from "@tailrace/replica";
import { type RunningServer, startServer } from "@tailrace/server";
import { createEngineLog } from "./engine-log.ts";

const BASIN = "engine-log";
const bytes = (text: string) => Buffer.from(text);
const entry = (body: string, ...headers: [string, string][]) => ({
  headers: headers.map(([name, value]) => [bytes(name), bytes(value)] as const),
  body: bytes(body),
});
const fence = (token: string) => entry(token, ["", "fence"]);
const trim = (seqNum: number) => {
  const body = Buffer.alloc(8);
  body.writeBigUInt64BE(BigInt(seqNum));
  return { headers: [[bytes(""), bytes("trim")] as const], body };
};
const shown = ({ seqNum, headers, body }: LogRecord) => [
  seqNum,
  headers.map((header) => header.map((part) => Buffer.from(part).toString())),
  Buffer.from(body).toString(),
];
const fails = (work: Promise<unknown>, failure: LogFailure) =>
  assert.rejects(work, (error: { failure?: LogFailure }) => error.failure === failure);

async function take(follower: Follower, count: number): Promise<LogRecord[]> {
  const taken: LogRecord[] = [];
  while (taken.length < count) taken.push(...((await follower.next()) ?? assert.fail("it has ended")));
  return taken;
}

let engine: Engine;
let server: RunningServer;
before(async () => {
  engine = await Engine.open({ runtime: systemRuntime, store: new MemoryStore() });
  await engine.basins.ensure(BASIN, {
    defaultStreamConfig: {},
    createStreamOnAppend: false,
    createStreamOnRead: false,
  });
  const logger = { info: () => undefined, error: () => undefined };
  server = await startServer({ engine, runtime: systemRuntime, logger, host: "127.0.0.1", port: 0 });
});
after(async () => {
  server.close();
  await engine.close();
});

const kinds: Record<string, (stream: string) => Promise<Log>> = {
  "in the engine": (stream) => createEngineLog(engine, { basin: BASIN, stream }),
  "through server and SDK": (stream) => {
    const client = { accessToken: "any", endpoints: { account: server.url, basin: server.url } };
    return createS2Log({ client, basin: BASIN, stream });
  },
};

for (const [kind, open] of Object.entries(kinds)) {
  describe(`a log ${kind}`, () => {
    const names = { next: 0 };
    const fresh = async (t: { after(work: () => Promise<void>): void }): Promise<Log> => {
      names.next += 1;
      const log = await open(`${kind.length}-${names.next}`);
      t.after(() => log.close());
      return log;
    };

    test("gives back what was appended, with its place and time", async (t) => {
      const log = await fresh(t);
      const sentMs = Date.now();
      const batch = [entry("one", ["r", "head"], ["s", ""]), entry(""), entry("x".repeat(700_000))];
      assert.deepEqual(await log.append({ entries: batch }), { start: 0, end: 3 });
      assert.deepEqual(await log.append({ entries: [entry("four")] }), { start: 3, end: 4 });
      assert.equal(await log.checkTail(), 4);
      const records = [...(await log.read(0))];
      while (records.length < 4) records.push(...(await log.read(records.length)));
      assert.deepEqual(records.map(shown), [
        [
          0,
          [
            ["r", "head"],
            ["s", ""],
          ],
          "one",
        ],
        [1, [], ""],
        [2, [], "x".repeat(700_000)],
        [3, [], "four"],
      ]);
      for (const { timestampMs } of records) assert.ok(timestampMs >= sentMs - 1 && timestampMs <= Date.now() + 1);
      assert.deepEqual((await log.read(1)).map(({ seqNum }) => seqNum)[0], 1);
      assert.deepEqual(await log.read(4), []);
    });

    test("refuses what does not hold, and to be read from beyond its end", async (t) => {
      const log = await fresh(t);
      await fails(log.append({ entries: [entry("a")], matchSeqNum: 1 }), "mismatch");
      await log.append({ entries: [entry("a"), fence("mine")], matchSeqNum: 0 });
      await fails(log.append({ entries: [entry("b")], fencingToken: "other" }), "fenced");
      await log.append({ entries: [entry("b")], fencingToken: "mine" });
      assert.equal(await log.checkTail(), 3);
      await fails(log.read(4), "refused");
      const follower = log.follow(4);
      await fails(follower.next(), "refused");
      follower.close();
    });

    test("appends in order, and nothing behind what has failed", async (t) => {
      const log = await fresh(t);
      const appender = log.openAppender();
      const acks = await Promise.all(["a", "b", "c"].map((body) => appender.append({ entries: [entry(body)] })));
      assert.deepEqual(
        acks.map(({ start }) => start),
        [0, 1, 2],
      );
      const failed = fails(appender.append({ entries: [entry("d")], fencingToken: "nobody's" }), "fenced");
      const behind = assert.rejects(appender.append({ entries: [entry("e")] }));
      await Promise.all([failed, behind]);
      await assert.rejects(appender.append({ entries: [entry("f")] }));
      appender.close();
      assert.equal(await log.checkTail(), 3);
    });

    test("a batch that is none fails, and those behind it", async (t) => {
      const log = await fresh(t);
      const appender = log.openAppender();
      const large = assert.rejects(appender.append({ entries: [entry("x".repeat(1024 * 1024 + 1))] }));
      const behind = assert.rejects(appender.append({ entries: [entry("e")] }));
      await Promise.all([large, behind]);
      appender.close();
      assert.equal(await log.checkTail(), 0);
    });

    test("is followed from its history to what comes, until the follower is closed", async (t) => {
      const log = await fresh(t);
      await log.append({ entries: Array.from({ length: 1000 }, (_, i) => entry(`${i}`)) });
      await log.append({ entries: Array.from({ length: 500 }, (_, i) => entry(`${1000 + i}`)) });
      const follower = log.follow(3);
      const history = await take(follower, 1497);
      assert.deepEqual(
        history.map(({ seqNum }) => seqNum),
        Array.from({ length: 1497 }, (_, i) => 3 + i),
      );
      const live = take(follower, 2);
      await log.append({ entries: [entry("a")] });
      await log.append({ entries: [entry("b")] });
      assert.deepEqual((await live).map(shown), [
        [1500, [], "a"],
        [1501, [], "b"],
      ]);
      const pending = follower.next();
      follower.close();
      assert.equal(await pending, undefined);
      assert.equal(await follower.next(), undefined);
    });

    test("shows where it begins once it is trimmed, and says so where nothing is left", async (t) => {
      const log = await fresh(t);
      await log.append({ entries: [entry("a"), entry("b"), entry("c")] });
      await log.append({ entries: [trim(2)] });
      assert.deepEqual(
        (await log.read(0)).map(({ seqNum }) => seqNum),
        [2, 3],
      );
      const late = log.follow(0);
      assert.equal((await take(late, 2))[0].seqNum, 2);
      late.close();
      await log.append({ entries: [trim(5)] });
      assert.deepEqual(await log.read(0), []);
      const lost = log.follow(0);
      await fails(lost.next(), "trimmed");
      lost.close();
    });

    test("is not made of a stream that lets records age", async () => {
      const stream = `${kind.length}-ageing`;
      await engine.streams.create(BASIN, stream, { retentionAgeSecs: 60 }, undefined);
      await fails(open(stream), "refused");
    });
  });
}

test("an appender that is closed lets go of the stream", async () => {
  let open = 0;
  const openAppender = async (...args: Parameters<Engine["openAppender"]>) => {
    const appender = await engine.openAppender(...args);
    open += 1;
    return {
      append: appender.append,
      close() {
        open -= 1;
        appender.close();
      },
    };
  };
  const counted = new Proxy(engine, {
    get(target, name) {
      if (name === "openAppender") return openAppender;
      const value: unknown = Reflect.get(target, name, target);
      // What it holds is private to itself.
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const log = await createEngineLog(counted, { basin: BASIN, stream: "appended-once" });
  const appender = log.openAppender();
  await appender.append({ entries: [entry("x")] });
  assert.equal(open, 1);
  appender.close();
  await new Promise(setImmediate);
  assert.equal(open, 0);
  await log.close();
});
