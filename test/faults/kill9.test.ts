// kill -9 of the real process at random moments under load, on the file store: nothing acknowledged is lost, doubled or reordered,
// and what has an unknown outcome is wholly there or not at all. TAILRACE_KILLS sets how many (default 50), TAILRACE_SEED the moments.
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { AppendInput, AppendRecord, S2, S2Endpoints } from "@s2-dev/streamstore";
import { type Attempt, type StoredRecord, violations } from "../support/history.ts";
import { HttpClient } from "../support/http-client.ts";
import { TailraceProcess } from "../support/tailrace-process.ts";

const KILLS = Number(process.env.TAILRACE_KILLS ?? 50);
const SEED = Number(process.env.TAILRACE_SEED ?? randomInt(2 ** 31));
const BASIN = "kill-nine-basin";
const STREAMS = ["one", "two"];
const CLIENTS_PER_STREAM = 4;
const LONGEST_LIFE_MS = 250;

interface Load {
  readonly attempts: Map<string, Attempt[]>;
  pending: number;
  next: number;
}

function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Appends batches of one to four records, one after another, until the connection breaks. */
async function appendUntilBroken(http: HttpClient, stream: string, load: Load): Promise<void> {
  for (;;) {
    const id = load.next++;
    const bodies = Array.from({ length: 1 + (id % 4) }, (_, i) => `${id}.${i}`);
    load.pending += 1;
    let acknowledgedAt: number | undefined;
    let broken = false;
    try {
      const answer = await http.json(
        "POST",
        `/v1/streams/${stream}/records`,
        { records: bodies.map((body) => ({ body })) },
        { "s2-basin": BASIN },
      );
      if (answer.status === 200) acknowledgedAt = Number(JSON.parse(answer.text).start.seq_num);
      else broken = true;
    } catch {
      // The process was killed under it: the outcome is unknown, and that is what is recorded.
      broken = true;
    }
    load.pending -= 1;
    load.attempts.get(stream)?.push({ bodies, acknowledgedAt });
    if (broken) return;
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
  const outcomes: Promise<void>[] = [];
  let broken = session === undefined;
  while (!broken && session !== undefined) {
    const id = load.next++;
    const bodies = Array.from({ length: 1 + (id % 4) }, (_, i) => `${id}.${i}`);
    const record = (acknowledgedAt: number | undefined) => {
      load.pending -= 1;
      load.attempts.get(stream)?.push({ bodies, acknowledgedAt });
    };
    load.pending += 1;
    try {
      const ticket = await session.submit(AppendInput.create(bodies.map((body) => AppendRecord.string({ body }))));
      outcomes.push(
        ticket.ack().then(
          (ack) => record(ack.start.seqNum),
          () => {
            broken = true;
            record(undefined);
          },
        ),
      );
      if (outcomes.length % 8 === 0) await outcomes[outcomes.length - 8];
    } catch {
      // As above: unknown.
      broken = true;
      record(undefined);
    }
  }
  await Promise.all(outcomes);
  await session?.close().catch(() => undefined);
  await handle.close();
}

async function readAll(http: HttpClient, stream: string): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for (;;) {
    const answer = await http.send("GET", `/v1/streams/${stream}/records?seq_num=${records.length}`, {
      headers: { "s2-basin": BASIN },
    });
    if (answer.status === 416) return records;
    assert.equal(answer.status, 200, answer.text);
    for (const record of JSON.parse(answer.text).records) records.push({ seqNum: record.seq_num, body: record.body });
  }
}

test(`${KILLS} times kill -9 under load loses nothing`, async (t) => {
  const random = randomFrom(SEED);
  const directory = mkdtempSync(join(tmpdir(), "tailrace-kill9-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const load: Load = { attempts: new Map(STREAMS.map((stream) => [stream, []])), pending: 0, next: 0 };
  let withPending = 0;
  for (let kill = 0; kill < KILLS; kill += 1) {
    const server = await TailraceProcess.start({ store: `file:${directory}` });
    const http = new HttpClient(server.url);
    if (kill === 0) {
      assert.equal((await http.json("POST", "/v1/basins", { basin: BASIN })).status, 201);
      for (const stream of STREAMS)
        assert.equal((await http.json("POST", "/v1/streams", { stream }, { "s2-basin": BASIN })).status, 201);
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
  const server = await TailraceProcess.start({ store: `file:${directory}` });
  const http = new HttpClient(server.url);
  let acknowledged = 0;
  let unknown = 0;
  for (const stream of STREAMS) {
    const attempts = load.attempts.get(stream) ?? [];
    acknowledged += attempts.filter((attempt) => attempt.acknowledgedAt !== undefined).length;
    unknown += attempts.filter((attempt) => attempt.acknowledgedAt === undefined).length;
    assert.deepEqual(violations(attempts, await readAll(http, stream)), [], `seed ${SEED}`);
  }
  http.close();
  assert.equal(await server.stop(), 0);
  t.diagnostic(
    `seed ${SEED}: ${KILLS} kills, ${withPending} with an append pending; ${acknowledged} batches acknowledged, ${unknown} unknown`,
  );
  assert.ok(withPending >= 0.8 * KILLS, `only ${withPending} of ${KILLS} kills had an append pending`);
  assert.ok(acknowledged > KILLS, "hardly anything was acknowledged");
});
