// The same thousands of random commands to a real redis-server and to our commands: every reply must be the same to the letter,
// and so must what is stored in the end. What Redis itself leaves open is compared as far as it is not: see `compare/comparing.ts`.
import { test } from "node:test";
import { COMMANDS } from "../src/command/table.ts";
import { CommandTable } from "./compare/command-table.ts";
import { Comparison } from "./compare/comparing.ts";
import { Grammar } from "./compare/grammar.ts";
import { Random } from "./compare/random.ts";
import { RedisServer, whyNoRedis } from "./compare/redis-server.ts";
import type { Protocol } from "./compare/reply-of.ts";
import { RespClient } from "./compare/resp-client.ts";

const COMMANDS_EACH = Number(process.env.TAILRACE_COMPARED ?? 6000);
const SEED = Number(process.env.TAILRACE_SEED ?? 1);

const skip = whyNoRedis() ?? false;

for (const protocol of [2, 3] as const satisfies readonly Protocol[]) {
  test(`${COMMANDS_EACH} random commands answer as redis-server's, in RESP${protocol}`, { skip }, async (t) => {
    const server = await RedisServer.start();
    try {
      const redis = await RespClient.connect(server.socketPath);
      await redis.send("HELLO", String(protocol));
      const grammar = new Grammar((name) => COMMANDS.has(name));
      const comparison = new Comparison(redis, new CommandTable(protocol));
      const random = new Random(SEED * 2 + protocol);
      for (let i = 0; i < COMMANDS_EACH; i += 1) {
        await comparison.compare(grammar.command(random));
        if (i % 100 === 99) await comparison.compareState();
      }
      t.diagnostic(`seed ${SEED}; ${comparison.summary(grammar.names)}`);
      redis.close();
    } finally {
      server.stop();
    }
  });
}
