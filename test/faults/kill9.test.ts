// kill -9 of the real process at random moments under load, on the file store: what clients were told, and what is there in the end, is
// linearizable: nothing acknowledged is lost, doubled or reordered, and what has an unknown outcome is wholly there or not at all. TAILRACE_KILLS sets how many (default 50), TAILRACE_SEED the moments.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AppendInput, AppendRecord, S2, S2Endpoints } from "@s2-dev/streamstore";
import { check } from "../../sim/check/checker.ts";
import type { Answer } from "../../sim/check/history.ts";
import { Recorder } from "../../sim/check/recorder.ts";
import { HttpClient } from "../support/http-client.ts";
import { appended } from "../support/sdk-history.ts";
import { type ServeSetup, TailraceProcess } from "../support/tailrace-process.ts";

const KILLS = Number(process.env.TAILRACE_KILLS ?? 50);
const SEED = Number(process.env.TAILRACE_SEED ?? randomInt(2 ** 31));
const BASIN = "kill-nine-basin";
const STREAMS = ["one", "two"];
const CLIENTS_PER_STREAM = 4;
const LONGEST_LIFE_MS = 250;

interface Load {
  readonly recorder: Recorder;
  pending: number;
  next: number;
}

interface JsonPosition {
  readonly seq_num: number;
  readonly timestamp: number;
}

const position = ({ seq_num, timestamp }: JsonPosition) => ({ seqNum: seq_num, timestamp: BigInt(timestamp) });

/** Begins an append of one to four records that nobody else appends. */
function begin(load: Load, client: string, stream: string, session?: string) {
  const id = load.next++;
  const bodies = Array.from({ length: 1 + (id % 4) }, (_, i) => `${id}.${i}`);
  load.pending += 1;
  const records = bodies.map((body) => ({ id: body }));
  const pending = load.recorder.invoke(client, stream, { kind: "append", records }, session);
  const end = (answer: Answer) => {
    load.pending -= 1;
    pending.answer(answer);
  };
  return { bodies, end };
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Appends batches, one after another, until the connection breaks. */
async function appendUntilBroken(http: HttpClient, stream: string, load: Load): Promise<void> {
  for (;;) {
    const { bodies, end } = begin(load, "unary", stream);
    // Killed under it: the outcome is unknown, and that is what is recorded.
    const answer = await http
      .json(
        "POST",
        `/v1/streams/${stream}/records`,
        { records: bodies.map((body) => ({ body })) },
        { "s2-basin": BASIN },
      )
      .catch(() => undefined);
    if (answer?.status !== 200) {
      end({ kind: "unknown" });
      return;
    }
    const ack: Record<"start" | "end" | "tail", JsonPosition> = JSON.parse(answer.text);
    end({ kind: "appended", start: position(ack.start), end: position(ack.end), tail: position(ack.tail) });
  }
}

/** The same through the official SDK's append session, many in flight. */
async function sessionUntilBroken(url: string, stream: string, load: Load): Promise<void> {
  const s2 = new S2({
    accessToken: "any",
    endpoints: new S2Endpoints({ account: url, basin: url }),
    retry: { maxAttempts: 1 },
  });
  const handle = s2.basin(BASIN).stream(stream);
  const session = await handle.appendSession().catch(() => undefined);
  const name = load.recorder.newSession();
  const outcomes: Promise<void>[] = [];
  let broken = session === undefined;
  while (!broken && session !== undefined) {
    const { bodies, end } = begin(load, "session", stream, name);
    const fail = () => {
      broken = true;
      end({ kind: "unknown" });
    };
    try {
      const ticket = await session.submit(AppendInput.create(bodies.map((body) => AppendRecord.string({ body }))));
      outcomes.push(ticket.ack().then((ack) => end(appended(ack)), fail));
      if (outcomes.length % 8 === 0) await outcomes[outcomes.length - 8];
    } catch {
      // As above: unknown.
      fail();
    }
  }
  await Promise.all(outcomes);
  await session?.close().catch(() => undefined);
  await handle.close();
}

/** Reads everything that is there. */
async function readAll(http: HttpClient, stream: string, load: Load): Promise<void> {
  for (let next = 0; ; ) {
    const pending = load.recorder.invoke("the end", stream, { kind: "read", start: { kind: "seq_num", seqNum: next } });
    const answer = await http.send("GET", `/v1/streams/${stream}/records?seq_num=${next}`, {
      headers: { "s2-basin": BASIN },
    });
    if (answer.status === 416) {
      pending.answer({ kind: "unwritten", tail: position(JSON.parse(answer.text).tail) });
      return;
    }
    assert.equal(answer.status, 200, answer.text);
    const found: (JsonPosition & { body: string })[] = JSON.parse(answer.text).records;
    assert.ok(found.length > 0, "nothing is there, and yet it is not the end");
    const records = found.map((record) => ({ ...position(record), id: record.body }));
    pending.answer({ kind: "records", records, endsAtTail: false });
    next += records.length;
  }
}

test(`${KILLS} times kill -9 under load loses nothing`, (t) =>
  losesNothing(t, KILLS, (directory) => ({ store: `file:${directory}` })));

const KILLS_APART = Math.ceil(KILLS / 10);
test(`nor do ${KILLS_APART} times where the log has a store of its own`, (t) =>
  losesNothing(t, KILLS_APART, (directory) => ({
    store: `file:${directory}/rest`,
    args: ["--wal-store", `file:${directory}/log`],
  })));

async function losesNothing(
  t: TestContext,
  kills: number,
  setup: (directory: string) => Pick<ServeSetup, "store" | "args">,
): Promise<void> {
  const random = randomFrom(SEED);
  const directory = mkdtempSync(join(tmpdir(), "tailrace-kill9-"));
  /** Ended whatever becomes of the test: a process left behind would keep what went wrong from being told. */
  let server: TailraceProcess | undefined;
  t.after(async () => {
    await server?.kill();
    rmSync(directory, { recursive: true, force: true });
  });
  const load: Load = { recorder: new Recorder(), pending: 0, next: 0 };
  let withPending = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    server = await TailraceProcess.start(setup(directory));
    const http = new HttpClient(server.url);
    if (kill === 0) {
      assert.equal((await http.json("POST", "/v1/basins", { basin: BASIN })).status, 201);
      for (const stream of STREAMS) {
        const pending = load.recorder.invoke("setup", stream, { kind: "create" });
        assert.equal((await http.json("POST", "/v1/streams", { stream }, { "s2-basin": BASIN })).status, 201);
        pending.answer({ kind: "provisioned", result: "created" });
      }
    }
    const clients: Promise<void>[] = [];
    for (const stream of STREAMS) {
      for (let i = 0; i < CLIENTS_PER_STREAM; i += 1) clients.push(appendUntilBroken(http, stream, load));
      clients.push(sessionUntilBroken(server.url, stream, load));
    }
    await new Promise((resolve) => setTimeout(resolve, random() * LONGEST_LIFE_MS));
    if (load.pending > 0) withPending += 1;
    await server.kill();
    await Promise.all(clients);
    http.close();
  }
  server = await TailraceProcess.start(setup(directory));
  const http = new HttpClient(server.url);
  for (const stream of STREAMS) await readAll(http, stream, load);
  http.close();
  assert.equal(await server.stop(), 0);
  const history = load.recorder.history();
  assert.equal(
    check(history)
      .map(({ report }) => report)
      .join("\n\n"),
    "",
    `seed ${SEED}`,
  );
  const appends = history.filter(({ call }) => call.kind === "append");
  const acknowledged = appends.filter(({ answer }) => answer.kind === "appended").length;
  const unknown = appends.length - acknowledged;
  t.diagnostic(
    `seed ${SEED}: ${kills} kills, ${withPending} with an append pending; ${acknowledged} batches acknowledged, ${unknown} unknown`,
  );
  assert.ok(withPending >= 0.8 * kills, `only ${withPending} of ${kills} kills had an append pending`);
  assert.ok(acknowledged > kills, "hardly anything was acknowledged");
}
