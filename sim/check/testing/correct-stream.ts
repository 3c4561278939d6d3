// A correct stream, written straight from the API's rules and without a look at the checker's model, under concurrent clients:
// requests and answers travel, get lost on the way, arrive late. Its histories must be accepted.
import type { Answer, AppendedRecord, Call, Operation, Position, ReadRecord } from "../history.ts";
import { type Pending, type ReadSessionRecorder, Recorder } from "../recorder.ts";
import { Random } from "./random.ts";

interface Incarnation {
  readonly records: ReadRecord[];
  fencingToken: string;
  trimPoint: number;
  config: Record<string, string>;
  readonly requestToken: string | undefined;
}

/** The stream itself: every method is one moment. */
export class CorrectStream {
  #live: Incarnation | undefined;
  #pending = false;
  #now = 1000n;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** The name becomes free some time after a deletion. */
  free(): void {
    if (!this.#pending) return;
    this.#pending = false;
    this.#live = undefined;
  }

  get live(): Incarnation | undefined {
    return this.#pending ? undefined : this.#live;
  }

  get absence(): Answer {
    return { kind: this.#pending ? "deletion-pending" : "not-found" };
  }

  tail({ records }: Incarnation): Position {
    return { seqNum: records.length, timestamp: records.at(-1)?.timestamp ?? 0n };
  }

  /** Carries a call out, but for reads. */
  carryOut(call: Call): Answer {
    const { live } = this;
    if (call.kind === "create" || call.kind === "ensure") return this.#create(call);
    if (call.kind === "delete") {
      if (this.#live === undefined) return { kind: "not-found" };
      this.#pending = true;
      return { kind: "deleted" };
    }
    if (live === undefined) return this.absence;
    if (call.kind === "append") return this.#append(live, call);
    if (call.kind === "reconfigure") Object.assign(live.config, call.patch);
    if (call.kind === "reconfigure" || call.kind === "get") return { kind: "config", config: { ...live.config } };
    return { kind: "tail", tail: this.tail(live) };
  }

  #create(call: Call & { kind: "create" | "ensure" }): Answer {
    const { live } = this;
    if (this.#pending) return { kind: "deletion-pending" };
    const config = { ...call.config };
    if (live === undefined) {
      const requestToken = call.kind === "create" ? call.requestToken : undefined;
      this.#live = { records: [], fencingToken: "", trimPoint: 0, config, requestToken };
      return { kind: "provisioned", result: "created", config: { ...config } };
    }
    if (call.kind === "ensure") {
      const result = JSON.stringify(live.config) === JSON.stringify(config) ? "noop" : "updated";
      live.config = config;
      return { kind: "provisioned", result, config: { ...config } };
    }
    if (call.requestToken === undefined || call.requestToken !== live.requestToken) return { kind: "already-exists" };
    return { kind: "provisioned", config: { ...live.config } };
  }

  #append(live: Incarnation, call: Call & { kind: "append" }): Answer {
    const { records } = live;
    if (call.fencingToken !== undefined && call.fencingToken !== live.fencingToken)
      return { kind: "fencing-token-mismatch", actual: live.fencingToken };
    if (call.matchSeqNum !== undefined && call.matchSeqNum !== records.length)
      return { kind: "seq-num-mismatch", actual: records.length };
    const first = records.length;
    this.#now += BigInt(this.#random.below(3));
    for (const { id, command } of call.records) {
      records.push({ id, seqNum: records.length, timestamp: this.#now });
      if (command?.kind === "fence") live.fencingToken = command.token;
      if (command?.kind === "trim") live.trimPoint = Math.max(live.trimPoint, Math.min(command.seqNum, records.length));
    }
    const tail = this.tail(live);
    return { kind: "appended", start: { seqNum: first, timestamp: this.#now }, end: tail, tail };
  }
}

export interface Shape {
  readonly seed: number;
  readonly clients: number;
  readonly operations: number;
  /** How likely an answer gets lost, or a request, or is carried out long after its client gave up. */
  readonly losses: number;
  /** Whether the stream is deleted and created again. */
  readonly deletions: boolean;
}

/** A client: what it does next when it is its turn. */
type Turn = () => Turn | undefined;

const done: Turn = () => undefined;

/** The history of a correct stream, or of the given one. Starts with its creation and ends with a read of everything. */
export function historyOf(shape: Shape, stream?: (random: Random) => CorrectStream): Operation[] {
  return new World(shape, stream ?? ((random) => new CorrectStream(random))).run();
}

class World {
  readonly #shape: Shape;
  readonly #random: Random;
  readonly #stream: CorrectStream;
  readonly #recorder = new Recorder();
  #started = 0;
  #records = 0;
  #lastTail = 0;

  constructor(shape: Shape, stream: (random: Random) => CorrectStream) {
    this.#shape = shape;
    this.#random = new Random(shape.seed);
    this.#stream = stream(this.#random);
  }

  run(): Operation[] {
    const creation = this.#recorder.invoke("setup", "s", { kind: "create" });
    creation.answer(this.#stream.carryOut({ kind: "create" }));
    const turns: (Turn | undefined)[] = Array.from({ length: this.#shape.clients }, () => undefined);
    /** Requests whose clients have given up. */
    const late: (() => void)[] = [];
    while (this.#started < this.#shape.operations || turns.some((turn) => turn !== undefined)) {
      const at = this.#random.below(turns.length);
      const turn = turns[at] ?? (this.#started < this.#shape.operations ? this.#begin(`c${at}`, late) : undefined);
      turns[at] = turn?.();
      if (this.#random.chance(0.05)) late.splice(this.#random.below(late.length), 1)[0]?.();
      if (this.#random.chance(0.05)) this.#stream.free();
    }
    this.#readAll();
    return this.#recorder.history();
  }

  /** As every workload should end: it tells which appends of unknown outcome took effect. */
  #readAll(): void {
    const call = { kind: "read", start: { kind: "seq_num", seqNum: 0 } } as const;
    const pending = this.#recorder.invoke("the end", "s", call);
    const { live } = this.#stream;
    if (live === undefined) pending.answer(this.#stream.absence);
    else pending.answer({ kind: "records", records: live.records.slice(live.trimPoint), endsAtTail: true });
  }

  #begin(client: string, late: (() => void)[]): Turn {
    this.#started += 1;
    const kind = this.#random.below(10);
    if (kind === 0) return this.#follow(client);
    if (kind === 1) return this.#appendSession(client);
    return this.#unary(client, late);
  }

  #unary(client: string, late: (() => void)[]): Turn {
    const call = this.#call();
    const pending = this.#recorder.invoke(client, "s", call);
    const { losses } = this.#shape;
    if (this.#random.chance(losses)) {
      // The request got lost, or it is carried out when the client is long gone; or its answer got lost.
      return () => {
        pending.answer({ kind: "unknown" });
        if (this.#random.chance(0.6)) late.push(() => this.#carryOut(call));
        return undefined;
      };
    }
    if (call.kind === "read") return () => this.#findStart(pending, call);
    return () => {
      const answer = this.#carryOut(call);
      return () => {
        pending.answer(this.#random.chance(losses) ? { kind: "unknown" } : answer);
        return undefined;
      };
    };
  }

  #carryOut(call: Call): Answer {
    const answer = this.#stream.carryOut(call);
    if (answer.kind === "appended") this.#lastTail = answer.tail.seqNum;
    return answer;
  }

  #call(): Call {
    const { deletions } = this.#shape;
    const kind = this.#random.below(deletions ? 24 : 20);
    if (kind < 8) return this.#append();
    if (kind < 14) {
      const start = this.#random.pick([
        { kind: "seq_num", seqNum: Math.max(0, this.#random.below(this.#lastTail + 3)) } as const,
        { kind: "tail_offset", offset: this.#random.below(4) } as const,
        { kind: "timestamp", timestamp: 1000n + BigInt(this.#random.below(this.#lastTail + 2)) } as const,
      ]);
      return { kind: "read", start, clamp: this.#random.chance(0.3) };
    }
    if (kind < 17) return { kind: "check-tail" };
    if (kind === 17) return { kind: "reconfigure", patch: { class: this.#random.pick(["express", "standard"]) } };
    if (kind < 20) return { kind: "get" };
    if (kind === 20) return { kind: "delete" };
    if (kind === 21) return { kind: "ensure", config: { class: this.#random.pick(["express", "standard"]) } };
    return { kind: "create", config: { class: "express" }, requestToken: this.#random.pick(["x", "y"]) };
  }

  #append(): Call & { kind: "append" } {
    const records: AppendedRecord[] = Array.from({ length: 1 + this.#random.below(3) }, () => {
      this.#records += 1;
      const id = `r${this.#records}`;
      if (this.#random.chance(0.05))
        return { id, command: { kind: "fence", token: this.#random.pick(["", "a", "b"]) } };
      if (this.#random.chance(0.05))
        return { id, command: { kind: "trim", seqNum: this.#random.below(this.#lastTail + 5) } };
      return { id };
    });
    return {
      kind: "append",
      records,
      ...(this.#random.chance(0.2) ? { matchSeqNum: this.#lastTail + this.#random.below(2) } : {}),
      ...(this.#random.chance(0.2) ? { fencingToken: this.#random.pick(["", "a"]) } : {}),
    };
  }

  /** A unary read: its start is found at one moment, its records are fetched at a later one. */
  #findStart(pending: Pending, call: Call & { kind: "read" }): Turn | undefined {
    const { live } = this.#stream;
    if (live === undefined) {
      pending.answer(this.#stream.absence);
      return undefined;
    }
    const tail = this.#stream.tail(live);
    let first = startOf(live, call, tail);
    if (first === undefined || first >= tail.seqNum) {
      pending.answer({ kind: "unwritten", tail });
      return undefined;
    }
    first = Math.max(first, live.trimPoint);
    return () => {
      const limit = 1 + this.#random.below(20);
      const records = live.records.slice(first, first + limit);
      pending.answer({ kind: "records", records, endsAtTail: records.length < limit });
      return undefined;
    };
  }

  /** A read session: events are made at one moment and received, in order, at a later one. */
  #follow(client: string): Turn {
    const { live } = this.#stream;
    const from = this.#random.below(this.#lastTail + 1);
    const session = this.#recorder.readSession(client, "s", { kind: "seq_num", seqNum: from });
    if (live === undefined || from > live.records.length) return done;
    return this.#followOn(session, live, { next: from, events: 3 + this.#random.below(10) }, []);
  }

  #followOn(
    session: ReadSessionRecorder,
    live: Incarnation,
    reader: { next: number; events: number },
    travelling: (() => void)[],
  ): Turn {
    return () => {
      if (reader.events > 0 && this.#random.chance(0.6)) {
        reader.events -= 1;
        if (this.#stream.live !== live) reader.events = 0;
        else {
          reader.next = Math.max(reader.next, live.trimPoint);
          const records = live.records.slice(reader.next, reader.next + 1 + this.#random.below(5));
          const tail = this.#stream.tail(live);
          reader.next += records.length;
          if (records.length === 0) travelling.push(() => session.heartbeat(tail));
          else if (this.#random.chance(0.5)) travelling.push(() => session.batch(records, tail));
          else travelling.push(() => session.batch(records));
        }
      } else travelling.shift()?.();
      return reader.events === 0 && travelling.length === 0
        ? undefined
        : this.#followOn(session, live, reader, travelling);
    };
  }

  /** An append session: several appends in flight, carried out in order, until one fails or the connection breaks. */
  #appendSession(client: string): Turn {
    const session = this.#recorder.newSession();
    const { live } = this.#stream;
    const inFlight: { readonly pending: Pending; readonly call: Call; answer: Answer | undefined }[] = [];
    let left = 1 + this.#random.below(8);
    const turn: Turn = () => {
      if (left > 0 && this.#random.chance(0.5)) {
        left -= 1;
        const call = this.#append();
        inFlight.push({ pending: this.#recorder.invoke(client, "s", call, session), call, answer: undefined });
        return turn;
      }
      const next = inFlight.find(({ answer }) => answer === undefined);
      if (next !== undefined && this.#random.chance(0.6)) {
        next.answer = this.#stream.live === live ? this.#carryOut(next.call) : this.#stream.absence;
        if (next.answer.kind !== "appended") {
          for (const each of inFlight) each.answer ??= { kind: "refused" };
          left = 0;
        }
        return turn;
      }
      if (this.#random.chance(this.#shape.losses / 3)) {
        for (const { pending } of inFlight) pending.answer({ kind: "unknown" });
        return undefined;
      }
      const first = inFlight[0];
      if (first?.answer !== undefined) {
        if (this.#stream.live !== live && first.answer.kind === "not-found") first.pending.answer({ kind: "refused" });
        else first.pending.answer(first.answer);
        inFlight.shift();
      }
      return left === 0 && inFlight.length === 0 ? undefined : turn;
    };
    return live === undefined ? done : turn;
  }
}

/** The sequence number asked for, or undefined when nothing is there. */
function startOf(live: Incarnation, { start, clamp }: Call & { kind: "read" }, tail: Position): number | undefined {
  switch (start.kind) {
    case "seq_num":
      return start.seqNum > tail.seqNum && clamp === true ? tail.seqNum : start.seqNum;
    case "tail_offset":
      return Math.max(0, tail.seqNum - start.offset);
    case "timestamp":
      return live.records.find(({ seqNum, timestamp }) => timestamp >= start.timestamp && seqNum >= live.trimPoint)
        ?.seqNum;
  }
}
