// Many clients of one server, through the official SDK, for as long as they are let: appends one by one and pipelined, conditional and
// fenced; reads, sessions, tails; creations and deletions. Everything goes into a history; nothing is judged here.
import { setTimeout } from "node:timers/promises";
import { S2, S2Endpoints, type S2Stream } from "@s2-dev/streamstore";
import type { Answer, Call, Operation, ReadStart } from "../../sim/check/history.ts";
import { type Pending, Recorder } from "../../sim/check/recorder.ts";
import type { Random } from "../../sim/check/testing/random.ts";
import {
  appended,
  appendOf,
  type Conditions,
  type Draft,
  data,
  failure,
  fence,
  position,
  readRecord,
  trim,
} from "./sdk-history.ts";

export const BASIN = "real-faults";
const STREAMS = ["one", "two"];
/** Created and deleted again and again. */
const PHOENIX = "phoenix";
/** Never created. */
const NEVER = "never";

const CLIENTS_PER_STREAM = 3;
/** Longer than the server takes to say that it does not know. */
const CALL_TIMEOUT_MS = 8_000;
const LONGEST_PAUSE_MS = 20;
const PAUSE_AFTER_FAILURE_MS = 100;
const PIPELINED = 16;
/** Now and then a body of up to this. */
const LARGE_BODY_BYTES = 16 * 1024;
/** A unary read of fewer bytes was not ended by the API's bound of 1 MiB. */
const FULL_READ_BYTES = 1024 * 1024 - 2 * LARGE_BODY_BYTES;
const CLOSE_MS = 5_000;
/** Once faults are over, everything must be well within this. */
const RECOVERY_MS = 30_000;

interface Target {
  readonly name: string;
  readonly stream: S2Stream;
  /** What a client last heard of its tail: conditions are made from it. */
  tail: number;
  token: string;
  /** Named by trims already. */
  readonly trims: Set<number>;
}

export class Workload {
  readonly recorder = new Recorder();
  readonly #random: Random;
  readonly #s2: S2;
  readonly #targets: Target[];
  #records = 0;
  #stopped = new AbortController();
  /** By name, what they are waiting for. */
  readonly #clients = new Map<string, Promise<void>>();

  constructor(url: string, random: Random) {
    this.#random = random;
    this.#s2 = new S2({
      accessToken: "any",
      endpoints: new S2Endpoints({ account: url, basin: url }),
      // An operation of the history is one attempt.
      retry: { maxAttempts: 1 },
    });
    this.#targets = [...STREAMS, PHOENIX, NEVER].map((name) => ({
      name,
      stream: this.#s2.basin(BASIN).stream(name),
      tail: 0,
      token: "",
      trims: new Set(),
    }));
  }

  /** Creates what is there from the beginning. Call while all is well. */
  async prepare(): Promise<void> {
    await this.#s2.basins.ensure({ basin: BASIN });
    for (const name of STREAMS) await this.#create("setup", this.#target(name));
  }

  /** The clients begin. */
  start(): void {
    for (const name of STREAMS) {
      const target = this.#target(name);
      for (let i = 0; i < CLIENTS_PER_STREAM; i += 1) {
        this.#loop(`${name} appender ${i}`, (client) => this.#append(client, target));
        this.#loop(`${name} reader ${i}`, (client) => this.#look(client, target));
      }
      this.#loop(`${name} pipeline`, (client) => this.#pipeline(client, target));
      this.#loop(`${name} follower`, (client) => this.#follow(client, target));
    }
    for (let i = 0; i < 2; i += 1) this.#loop(`phoenix ${i}`, (client) => this.#liveAndDie(client));
    this.#loop("sceptic", (client) => this.#checkTail(client, this.#target(NEVER)));
  }

  #loop(client: string, act: (client: string) => Promise<Answer>): void {
    const run = async () => {
      while (!this.#stopped.signal.aborted) {
        const answer = await act(client);
        await setTimeout(this.#random.fraction() * LONGEST_PAUSE_MS);
        if (answer.kind === "unknown") await setTimeout(PAUSE_AFTER_FAILURE_MS);
      }
    };
    this.#clients.set(
      client,
      run().then(() => void this.#clients.delete(client)),
    );
  }

  #target(name: string): Target {
    const found = this.#targets.find((target) => target.name === name);
    if (found === undefined) throw new Error(`no stream "${name}"`);
    return found;
  }

  /** One call. Its answer, or what its failure means, goes into the history. */
  async #call(client: string, target: Target, call: Call, act: (signal: AbortSignal) => Promise<Answer>) {
    const pending = this.recorder.invoke(client, target.name, call);
    const answer = await act(AbortSignal.timeout(CALL_TIMEOUT_MS)).catch(failure);
    pending.answer(answer);
    this.#learn(target, answer);
    return answer;
  }

  #learn(target: Target, answer: Answer): void {
    if (answer.kind === "appended" || answer.kind === "tail") target.tail = Math.max(target.tail, answer.tail.seqNum);
    if (answer.kind === "seq-num-mismatch") target.tail = answer.actual;
    if (answer.kind === "fencing-token-mismatch") target.token = answer.actual;
  }

  // Appending.

  #drafts(target: Target): Draft[] {
    if (this.#random.chance(0.03)) return [fence(`token ${this.#records++}`)];
    const trimPoint = this.#random.below(target.tail + 1);
    if (this.#random.chance(0.01) && !target.trims.has(trimPoint)) {
      target.trims.add(trimPoint);
      return [trim(trimPoint)];
    }
    return Array.from({ length: 1 + this.#random.below(4) }, () => {
      const name = `record ${this.#records++} `;
      return data(this.#random.chance(0.05) ? name.padEnd(this.#random.below(LARGE_BODY_BYTES), "x") : name);
    });
  }

  #conditions(target: Target): Conditions {
    return {
      ...(this.#random.chance(0.2) ? { matchSeqNum: target.tail } : {}),
      ...(this.#random.chance(0.2) ? { fencingToken: target.token } : {}),
    };
  }

  async #append(client: string, target: Target): Promise<Answer> {
    const drafts = this.#drafts(target);
    const { input, call } = appendOf(drafts, this.#conditions(target));
    const answer = await this.#call(client, target, call, async (signal) =>
      appended(await target.stream.append(input, { signal })),
    );
    const [{ command }] = drafts.map(({ history }) => history);
    if (answer.kind === "appended" && command?.kind === "fence") target.token = command.token;
    return answer;
  }

  /** A pipelined append session, until it breaks. The first that fails is the one that is refused; those behind it were not looked at. */
  async #pipeline(client: string, target: Target): Promise<Answer> {
    const name = this.recorder.newSession();
    const inFlight = new Set<Pending>();
    let failed: Answer | undefined;
    const fail = (pending: Pending, error: unknown) => {
      const isFirst = failed === undefined && inFlight.values().next().value === pending;
      const answer = failure(error);
      const behind: Answer = answer.kind === "unknown" ? answer : { kind: "refused" };
      failed ??= answer;
      inFlight.delete(pending);
      pending.answer(isFirst ? answer : behind);
      this.#learn(target, answer);
    };
    const session = await target.stream
      .appendSession({ maxInflightBatches: PIPELINED })
      .catch((error: unknown) => failure(error));
    if ("kind" in session) return session;
    const acknowledged: Promise<void>[] = [];
    while (failed === undefined && !this.#stopped.signal.aborted) {
      // Without match_seq_num: the tail is a guess here, and a wrong one ends the session.
      const conditions = this.#random.chance(0.02) ? { fencingToken: target.token } : {};
      const { input, call } = appendOf(this.#drafts(target), conditions);
      const pending = this.recorder.invoke(client, target.name, call, name);
      inFlight.add(pending);
      try {
        const ticket = await session.submit(input);
        acknowledged.push(
          ticket.ack().then(
            (ack) => {
              inFlight.delete(pending);
              const answer = appended(ack);
              pending.answer(answer);
              this.#learn(target, answer);
            },
            (error: unknown) => fail(pending, error),
          ),
        );
      } catch (error) {
        fail(pending, error);
      }
      await setTimeout(this.#random.fraction() * LONGEST_PAUSE_MS);
    }
    const closed = session.close().catch(() => undefined);
    await Promise.all(acknowledged);
    await closed;
    return failed ?? { kind: "refused" };
  }

  // Reading.

  #look(client: string, target: Target): Promise<Answer> {
    return this.#random.chance(0.4) ? this.#checkTail(client, target) : this.#read(client, target, this.#start(target));
  }

  #start(target: Target): ReadStart {
    const kind = this.#random.below(4);
    if (kind === 0) return { kind: "tail_offset", offset: this.#random.below(5) };
    if (kind === 1) return { kind: "seq_num", seqNum: this.#random.below(target.tail + 10) };
    return { kind: "seq_num", seqNum: Math.max(0, target.tail - this.#random.below(20)) };
  }

  #checkTail(client: string, target: Target): Promise<Answer> {
    return this.#call(client, target, { kind: "check-tail" }, async (signal) => {
      const { tail } = await target.stream.checkTail({ signal });
      return { kind: "tail", tail: position(tail) };
    });
  }

  #read(client: string, target: Target, start: ReadStart, count = 1 + this.#random.below(200)): Promise<Answer> {
    return this.#call(client, target, { kind: "read", start }, async (signal) => {
      const { records } = await target.stream.read(
        { start: { from: sdkStart(start) }, stop: { limits: { count } } },
        { as: "bytes", signal },
      );
      let bytes = 0;
      for (const { body } of records) bytes += 8 + body.length;
      const endsAtTail = records.length < count && bytes < FULL_READ_BYTES;
      return { kind: "records", records: records.map(readRecord), endsAtTail };
    });
  }

  /** A read session that follows, until it breaks. */
  async #follow(client: string, target: Target): Promise<Answer> {
    const start = this.#start(target);
    const recording = this.recorder.readSession(client, target.name, start);
    const { signal } = this.#stopped;
    try {
      const session = await target.stream.readSession({ start: { from: sdkStart(start) } }, { as: "bytes", signal });
      const reader = session.getReader();
      const cancel = () => reader.cancel().catch(() => undefined);
      signal.addEventListener("abort", cancel);
      const events = new SessionEvents(recording);
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return { kind: "refused" };
          const tail = session.isCaughtUp() ? session.lastObservedTail() : undefined;
          events.record(readRecord(value), tail === undefined ? undefined : position(tail));
        }
      } finally {
        events.flush();
        signal.removeEventListener("abort", cancel);
      }
    } catch (error) {
      const answer = failure(error);
      if (answer.kind !== "unknown" && answer.kind !== "refused") recording.end(answer);
      return answer;
    }
  }

  // Creating and deleting.

  #create(client: string, target: Target): Promise<Answer> {
    return this.#call(client, target, { kind: "create" }, async (signal) => {
      await this.#s2.basin(BASIN).streams.create({ stream: target.name }, { signal });
      return { kind: "provisioned", result: "created" };
    });
  }

  async #liveAndDie(client: string): Promise<Answer> {
    const target = this.#target(PHOENIX);
    await setTimeout(this.#random.fraction() * 100);
    const choice = this.#random.below(12);
    if (choice < 2) {
      const created = await this.#create(client, target);
      if (created.kind === "provisioned") {
        target.tail = 0;
        target.token = "";
      }
      return created;
    }
    if (choice < 6) return this.#append(client, target);
    if (choice < 11) return this.#look(client, target);
    return this.#call(client, target, { kind: "delete" }, async (signal) => {
      await this.#s2.basin(BASIN).streams.delete({ stream: target.name }, { signal });
      return { kind: "deleted" };
    });
  }

  /** Ends the clients, waits until all answer well again, and reads everything. Call when no more faults happen. The whole history. */
  async finish(): Promise<Operation[]> {
    this.#stopped.abort();
    await Promise.race([Promise.all(this.#clients.values()), setTimeout(RECOVERY_MS, undefined, { ref: false })]);
    if (this.#clients.size > 0) throw new Error(`these clients never came to an end: ${[...this.#clients.keys()]}`);
    for (const name of STREAMS) await this.#readAll(this.#target(name));
    for (const name of [PHOENIX, NEVER]) await this.#untilKnown(() => this.#checkTail("the end", this.#target(name)));
    // The SDK waits for its connections to end. What it waits for in vain ends with the world.
    const closed = Promise.all(this.#targets.map(({ stream }) => stream.close()));
    await Promise.race([closed, setTimeout(CLOSE_MS, undefined, { ref: false })]);
    return this.recorder.history();
  }

  async #readAll(target: Target): Promise<void> {
    const client = "the end";
    const { kind, ...end } = await this.#untilKnown(() => this.#checkTail(client, target));
    if (kind !== "tail" || !("tail" in end)) throw new Error(`${target.name} has no tail in the end: ${kind}`);
    for (let next = 0; next < end.tail.seqNum; ) {
      const start = { kind: "seq_num", seqNum: next } as const;
      const read = await this.#untilKnown(() => this.#read(client, target, start, 1000));
      const last = read.kind === "records" ? read.records.at(-1) : undefined;
      // The rest is trimmed, or something is wrong that the checker will tell.
      if (last === undefined) return;
      next = last.seqNum + 1;
    }
  }

  async #untilKnown(act: () => Promise<Answer>): Promise<Answer> {
    const untilMs = performance.now() + RECOVERY_MS;
    for (;;) {
      const answer = await act();
      if (answer.kind !== "unknown") return answer;
      if (performance.now() > untilMs) throw new Error(`it did not recover within ${RECOVERY_MS} ms of the last fault`);
      await setTimeout(PAUSE_AFTER_FAILURE_MS);
    }
  }
}

function sdkStart(start: ReadStart) {
  switch (start.kind) {
    case "seq_num":
      return { seqNum: start.seqNum };
    case "tail_offset":
      return { tailOffset: start.offset };
    case "timestamp":
      return { timestamp: Number(start.timestamp) };
  }
}

/** Puts records that came together into one event of the history. */
class SessionEvents {
  readonly #recording: ReturnType<Recorder["readSession"]>;
  #records: ReturnType<typeof readRecord>[] = [];
  #tail: ReturnType<typeof position> | undefined;

  constructor(recording: ReturnType<Recorder["readSession"]>) {
    this.#recording = recording;
  }

  record(record: ReturnType<typeof readRecord>, tail: ReturnType<typeof position> | undefined): void {
    if (this.#records.length === 0) setImmediate(() => this.flush());
    this.#records.push(record);
    this.#tail = tail;
  }

  /** A tail is told where the session has read up to it. */
  flush(): void {
    const last = this.#records.at(-1);
    if (last === undefined) return;
    if (this.#tail?.seqNum === last.seqNum + 1) this.#recording.batch(this.#records, this.#tail);
    else this.#recording.batch(this.#records);
    this.#records = [];
    this.#tail = undefined;
  }
}
