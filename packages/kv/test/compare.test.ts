// The same thousands of random commands to a real redis-server and to our commands: every reply must be the same to the letter,
// and so must what is stored in the end. What Redis itself leaves open is compared as far as it is not: see `compare/comparing.ts`.
import { test } from "node:test";
import { systemRuntime } from "@tailrace/replica";
import { SimulatedStream } from "../../replica/src/testing/simulated-log.ts";
import { COMMANDS } from "../src/command/table.ts";
import { type Answerer, CommandTable } from "./compare/command-table.ts";
import { Comparison } from "./compare/comparing.ts";
import { Grammar } from "./compare/grammar.ts";
import { Random } from "./compare/random.ts";
import { RedisServer, whyNoRedis } from "./compare/redis-server.ts";
import type { Protocol } from "./compare/reply-of.ts";
import { RespClient } from "./compare/resp-client.ts";
import { LocalKv } from "./support.ts";

const COMMANDS_EACH = Number(process.env.TAILRACE_COMPARED ?? 6000);
const SERVED_EACH = Math.ceil(COMMANDS_EACH / 6);
const SEED = Number(process.env.TAILRACE_SEED ?? 1);

const skip = whyNoRedis() ?? false;

/** Sends so many commands to both. What it gives is for the diagnostics. */
async function compareMany(protocol: Protocol, count: number, ours: Answerer): Promise<string> {
  const server = await RedisServer.start();
  try {
    const redis = await RespClient.connect(server.socketPath);
    await redis.send("HELLO", String(protocol));
    const grammar = new Grammar((name) => COMMANDS.has(name));
    const comparison = new Comparison(redis, ours);
    const random = new Random(SEED * 2 + protocol);
    for (let i = 0; i < count; i += 1) {
      await comparison.compare(grammar.command(random));
      if (i % 100 === 99) await comparison.compareState();
    }
    redis.close();
    // Of fewer not every command need have had its chance.
    if (count >= COMMANDS_EACH) comparison.checkAnswered(grammar.names);
    return `seed ${SEED}; ${comparison.summary()}`;
  } finally {
    server.stop();
  }
}

for (const protocol of [2, 3] as const satisfies readonly Protocol[]) {
  test(`${COMMANDS_EACH} random commands answer as redis-server's, in RESP${protocol}`, { skip }, async (t) => {
    t.diagnostic(await compareMany(protocol, COMMANDS_EACH, new CommandTable(protocol)));
  });

  test(`so do ${SERVED_EACH} through the log and over a connection, in RESP${protocol}`, { skip }, async (t) => {
    // The log's clock must be Redis's: commands name moments.
    const runtime = { ...systemRuntime, monotonicMs: () => Date.now() };
    const stream = new SimulatedStream(runtime, { delayMs: 0, loss: 0, down: false });
    const kv = await LocalKv.start({ wallMs: () => Date.now() }, stream);
    try {
      const ours = await RespClient.connect(kv.server.port);
      await ours.send("HELLO", String(protocol));
      t.diagnostic(await compareMany(protocol, SERVED_EACH, ours));
      ours.close();
    } finally {
      await kv.stop();
    }
  });
}
