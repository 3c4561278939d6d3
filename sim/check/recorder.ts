// Records a history while it happens. Gives every event its moment; knows nothing of what is right.
import type { Answer, Call, Moment, Operation, Position, ReadRecord, ReadStart } from "./history.ts";

export class Recorder {
  readonly #operations: Operation[] = [];
  #pending = new Set<Pending>();
  #now: Moment = 0;
  #sessions = 0;
  readonly #clockMs: (() => number) | undefined;

  /** Without a clock, operations bear no times. */
  constructor(clockMs?: () => number) {
    this.#clockMs = clockMs;
  }

  /** Every call is a moment of its own, later than all before. */
  tick(): Moment {
    this.#now += 1;
    return this.#now;
  }

  /** Call before the request goes out. `session` is the name that `newSession` gave. */
  invoke(client: string, stream: string, call: Call, session?: string): Pending {
    const invokedMs = this.#clockMs?.();
    const pending = new Pending(this, {
      client,
      stream,
      call,
      invoked: this.tick(),
      ...(invokedMs === undefined ? {} : { invokedMs }),
      ...(session === undefined ? {} : { session }),
    });
    this.#pending.add(pending);
    return pending;
  }

  /** A name for a new session. */
  newSession(): string {
    this.#sessions += 1;
    return `session ${this.#sessions}`;
  }

  /** Call before a read session is asked for. */
  readSession(
    client: string,
    stream: string,
    start: ReadStart,
    createsStream = false,
    clamp = false,
  ): ReadSessionRecorder {
    return new ReadSessionRecorder(this, client, stream, { start, createsStream, clamp });
  }

  /** For `Pending`. */
  settle(pending: Pending, answer: Answer): void {
    if (!this.#pending.delete(pending)) throw new Error("an operation is answered once");
    this.add({ ...pending.asked, answer, returned: this.tick() });
  }

  add(operation: Operation): void {
    const returnedMs = this.#clockMs?.();
    this.#operations.push(returnedMs === undefined ? operation : { ...operation, returnedMs });
  }

  /** Everything so far, in the order of invocation; what is not answered yet has an unknown outcome. */
  history(): Operation[] {
    const open = [...this.#pending].map(
      ({ asked }): Operation => ({ ...asked, answer: { kind: "unknown" }, returned: this.#now }),
    );
    return [...this.#operations, ...open].sort((a, b) => a.invoked - b.invoked);
  }
}

/** An operation under way. */
export class Pending {
  readonly asked: Omit<Operation, "answer" | "returned">;
  readonly #recorder: Recorder;

  constructor(recorder: Recorder, asked: Omit<Operation, "answer" | "returned">) {
    this.#recorder = recorder;
    this.asked = asked;
  }

  /** Call as soon as the answer is there. */
  answer(answer: Answer): void {
    this.#recorder.settle(this, answer);
  }
}

/**
 * The events of a read session. Each is an operation of its own. It was true at some moment between `since` and its receipt, and no
 * earlier than the event before it. `since` is the session's opening, unless the caller knows better: events travel, so what is received
 * after something else was received may still have been said before it.
 */
export class ReadSessionRecorder {
  readonly #recorder: Recorder;
  readonly #client: string;
  readonly #stream: string;
  readonly #session: string;
  readonly #opened: Moment;
  #call: Call & { readonly kind: "read" };
  #since: Moment = 0;
  #events = 0;

  constructor(recorder: Recorder, client: string, stream: string, call: Omit<Call & { kind: "read" }, "kind">) {
    this.#recorder = recorder;
    this.#client = client;
    this.#stream = stream;
    this.#session = recorder.newSession();
    this.#opened = recorder.tick();
    this.#call = { ...call, kind: "read" };
  }

  batch(records: readonly ReadRecord[], tail?: Position, since: Moment = this.#opened): void {
    this.#event({ kind: "records", records, endsAtTail: false, ...(tail === undefined ? {} : { tail }) }, since);
    const last = records.at(-1);
    if (last !== undefined) this.#goOn(last.seqNum + 1);
  }

  heartbeat(tail: Position, since: Moment = this.#opened): void {
    this.#event({ kind: "tail", tail }, since);
    this.#goOn(tail.seqNum);
  }

  /** A negative answer, at the opening or as the last event. Errors that say nothing of the stream's state need not be recorded. */
  end(answer: Answer, since: Moment = this.#opened): void {
    this.#event(answer, since);
  }

  /** Call when nothing more comes. A session of which nothing was heard may have created its stream. */
  close(): void {
    if (this.#events > 0 || this.#call.createsStream !== true) return;
    this.end({ kind: "unknown" });
  }

  #goOn(seqNum: number): void {
    this.#call = { kind: "read", start: { kind: "seq_num", seqNum } };
  }

  #event(answer: Answer, since: Moment): void {
    this.#events += 1;
    this.#since = Math.max(this.#since, since);
    this.#recorder.add({
      client: this.#client,
      stream: this.#stream,
      call: this.#call,
      answer,
      invoked: this.#since,
      returned: this.#recorder.tick(),
      session: this.#session,
    });
  }
}
