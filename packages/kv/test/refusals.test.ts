// Commands that are wrong in two ways at once are refused for the same one as Redis refuses them for, over a connection.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RedisServer, whyNoRedis } from "./compare/redis-server.ts";
import { RespClient } from "./compare/resp-client.ts";
import { LocalKv } from "./support.ts";

const WRONG = [
  "BLMPOP x 1 list NOWHERE",
  "BLMPOP x 0 list LEFT",
  "BLMPOP -1 1 list LEFT COUNT 0",
  "BLMPOP -1 2 list LEFT",
  "BLMPOP x 1 text LEFT",
  "BZMPOP x 1 zset NOWHERE",
  "BZMPOP x 0 zset MIN",
  "BZMPOP -1 1 zset MIN COUNT x",
  "BZMPOP x 1 text MIN",
  "BLMOVE a b NOWHERE LEFT x",
  "BLMOVE a b LEFT NOWHERE -1",
  "BLMOVE text b LEFT LEFT x",
  "BLPOP text x",
  "BZPOPMIN text -1",
];

test("what is wrong first is told", { skip: whyNoRedis() ?? false }, async (t) => {
  const server = await RedisServer.start();
  t.after(() => server.stop());
  const kv = await LocalKv.start();
  t.after(() => kv.stop());
  const [theirs, ours] = [await RespClient.connect(server.socketPath), await RespClient.connect(kv.server.port)];
  t.after(() => {
    theirs.close();
    ours.close();
  });
  for (const client of [theirs, ours]) await client.send("SET", "text", "x");
  for (const line of WRONG) {
    const command = line.split(" ");
    assert.deepEqual(await ours.send(...command), await theirs.send(...command), line);
  }
});
