// `tailrace kv serve` as a process: what it keeps, how it stops, and what it refuses to begin with.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";
import { after, test } from "node:test";
import { Redis } from "ioredis";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { Directory, httpUrlOf, portOf, startKv } from "./support.ts";

const directory = new Directory();
after(() => directory.remove());

function connect(kv: TailraceProcess, options: object = {}): Redis {
  const redis = new Redis(portOf(kv), "127.0.0.1", { retryStrategy: () => null, ...options });
  redis.on("error", () => undefined);
  return redis;
}

/** What is answered over TLS, with the certificate checked or not. */
function bodyOver(url: string, options: { rejectUnauthorized?: boolean }): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, options, (response) =>
      response.toArray().then((parts) => resolve(Buffer.concat(parts).toString()), reject),
    )
      .on("error", reject)
      .end();
  });
}

/** Started with arguments that it must refuse: exit code and what it said. */
async function refused(args: readonly string[], env = {}): Promise<string> {
  const kv = TailraceProcess.spawn({ command: ["kv", "serve"], args, env });
  const { code } = await kv.exited;
  return `${code} ${kv.output}`;
}

test("what was answered is there after kill -9, expiries included, and a clean stop loses nothing either", async () => {
  const store = `file:${join(directory.path, "durable")}`;
  let kv = await startKv({ store });
  let redis = connect(kv);
  await redis.set("kept", "1", "PX", 3_600_000);
  const expiresAtMs = await redis.pexpiretime("kept");
  let acknowledged = 0;
  const writing = (async () => {
    for (;;) acknowledged = await redis.incr("counter");
  })();
  writing.catch(() => undefined);
  while (acknowledged < 200) await new Promise((resolve) => setTimeout(resolve, 5));
  await kv.kill();
  await assert.rejects(writing);
  redis.disconnect();

  kv = await startKv({ store });
  redis = connect(kv);
  const counted = Number(await redis.get("counter"));
  // The write under way may have been taken.
  assert.ok(counted === acknowledged || counted === acknowledged + 1, `${counted} after ${acknowledged}`);
  assert.equal(await redis.pexpiretime("kept"), expiresAtMs);
  await redis.set("last", "x");
  redis.disconnect();
  assert.equal(await kv.stop(), 0);

  kv = await startKv({ store });
  redis = connect(kv);
  assert.equal(await redis.get("last"), "x");
  redis.disconnect();
  await kv.kill();
});

test("a stop lets what is under way end, and closes connections", async () => {
  const kv = await startKv({ store: "memory:" });
  const redis = connect(kv);
  await redis.ping();
  const writes = Array.from({ length: 200 }, () => redis.incr("n"));
  const ended = new Promise((resolve) => redis.once("end", resolve));
  await writes[0];
  const code = kv.stop();
  const answers = await Promise.allSettled(writes);
  const done = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  assert.deepEqual(
    done,
    done.map((_, i) => i + 1),
  );
  assert.equal(await code, 0);
  await ended;
  redis.disconnect();
});

test("it listens beyond loopback only with a password, or when it is told to", async () => {
  assert.match(
    await refused(["--redis", "0.0.0.0:0", "--store", "memory:"]),
    /^2 tailrace: refusing to listen on 0\.0\.0\.0/,
  );
  const kv = await TailraceProcess.start({
    command: ["kv", "serve", "--redis", "0.0.0.0:0"],
    store: "memory:",
    env: { TAILRACE_KV_PASSWORD: "s3cret" },
  });
  const stranger = connect(kv);
  await assert.rejects(stranger.get("a"), /NOAUTH/);
  stranger.disconnect();
  const redis = connect(kv, { password: "s3cret" });
  assert.equal(await redis.set("a", "1"), "OK");
  redis.disconnect();
  await kv.kill();
});

test("it speaks TLS, on both ports", async () => {
  const kv = await startKv({ store: "memory:", args: ["--tls-self", "--listen", "127.0.0.1:0"] });
  assert.match(kv.url, /^rediss:/);
  const redis = connect(kv, { tls: { rejectUnauthorized: false } });
  assert.equal(await redis.set("a", "1"), "OK");
  assert.equal(await redis.get("a"), "1");
  redis.disconnect();
  const url = httpUrlOf(kv);
  assert.match(url, /^https:/);
  assert.equal(await bodyOver(`${url}/v1/keys/a`, { rejectUnauthorized: false }), "1");
  await assert.rejects(bodyOver(`${url}/v1/keys/a`, {}), /self-signed certificate/);
  // Who speaks in the clear is not answered so.
  await assert.rejects(fetch(`${url.replace("https:", "http:")}/health`));
  await kv.kill();
});

test("how S3 is to encrypt what is put is checked before anything is opened", async () => {
  assert.match(
    await refused(["--store", "s3://bucket/prefix", "--s3-sse", "rot13"]),
    /^2 .*'--s3-sse <how>' argument 'rot13' is invalid/s,
  );
});

test("its memory is bounded: beyond, what would add to it is refused, and the rest goes on", async () => {
  const kv = await startKv({ store: "memory:", args: ["--max-memory", "100KiB"] });
  const redis = connect(kv);
  const filling = async () => {
    for (let i = 0; ; i += 1) await redis.set(`key-${i}`, "x".repeat(10_000));
  };
  await assert.rejects(filling(), /OOM command not allowed when used memory > 'maxmemory'/);
  assert.equal((await redis.get("key-0"))?.length, 10_000);
  assert.equal(await redis.del("key-0", "key-1"), 2);
  assert.equal(await redis.set("small", "1"), "OK");
  redis.disconnect();
  await kv.kill();
});

test("what it is given wrongly it refuses in a sentence", async () => {
  writeFileSync(join(directory.path, "empty"), "\n");
  assert.match(await refused(["--stream", "nonsense"]), /^2 .*s2:\/\/BASIN\/STREAM/);
  assert.match(
    await refused(["--password-file", join(directory.path, "none")]),
    /^2 tailrace: the password file .* cannot be read/,
  );
  assert.match(
    await refused(["--password-file", join(directory.path, "empty")]),
    /^2 tailrace: the password file .* is empty/,
  );
  assert.match(
    await refused(["--redis", "127.0.0.1:0", "--stream", "s2://some-basin/some-stream"], { S2_ACCESS_TOKEN: "" }),
    /^2 tailrace: S2_ACCESS_TOKEN is not set/,
  );
  const unreachable = {
    S2_ACCESS_TOKEN: "x",
    S2_ACCOUNT_ENDPOINT: "http://127.0.0.1:1",
    S2_BASIN_ENDPOINT: "http://127.0.0.1:1",
  };
  assert.match(
    await refused(["--redis", "127.0.0.1:0", "--stream", "s2://some-basin/some-stream"], unreachable),
    /^3 tailrace: the log s2:\/\/some-basin\/some-stream cannot be used/,
  );
  const kv = await startKv({ store: "memory:" });
  const taken = `127.0.0.1:${portOf(kv)}`;
  assert.match(
    await refused(["--redis", taken, "--store", "memory:"]),
    /^4 tailrace: cannot listen on .*: the port is in use/,
  );
  await kv.kill();
});

test("help tells every option", () => {
  const { stdout } = spawnSync(
    process.execPath,
    [join(import.meta.dirname, "../../cli/src/main.ts"), "kv", "serve", "--help"],
    {
      encoding: "utf8",
    },
  );
  for (const option of ["--stream", "--redis", "--store", "--max-memory", "--password-file", "--tls-cert"]) {
    assert.match(stdout, new RegExp(option));
  }
});
