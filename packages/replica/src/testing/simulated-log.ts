// A stream in memory behind a bad network, as S2 specifies one: batches are atomic, conditions are checked, appends of one session
// stand in order; replies get lost, requests arrive after their sender has given them up, connections break.
import {
  type AppendAck,
  type AppendBatch,
  type Appender,
  type Follower,
  fenceOf,
  type Log,
  LogError,
  type LogRecord,
} from "../log/log.ts";
import type { ReplicaRuntime } from "../runtime.ts";

export interface Weather {
  /** A message takes between nothing and this. */
  delayMs: number;
  /** The chance of each message to get lost. */
  loss: number;
  /** Nothing is answered, and what is connected breaks. */
  down: boolean;
}

/** How long a client waits for an answer. */
const TIMEOUT_MS = 1000;

/** The truth: what is durable. */
export class SimulatedStream {
  readonly #runtime: ReplicaRuntime;
  readonly weather: Weather;
  readonly records: LogRecord[] = [];
  /** Everything before it is gone. */
  first = 0;
  fencingToken = "";
  #followers = new Set<() => void>();
  appends = 0;
  checks = 0;

  constructor(runtime: ReplicaRuntime, weather: Weather = { delayMs: 5, loss: 0, down: false }) {
    this.#runtime = runtime;
    this.weather = weather;
  }

  get tail(): number {
    return this.records.length;
  }

  take({ entries, matchSeqNum, fencingToken }: AppendBatch): AppendAck {
    this.appends += 1;
    if (fencingToken !== undefined && fencingToken !== this.fencingToken) {
      throw new LogError("fenced", `the token is "${this.fencingToken}"`);
    }
    if (matchSeqNum !== undefined && matchSeqNum !== this.tail)
      throw new LogError("mismatch", `the tail is ${this.tail}`);
    const start = this.tail;
    for (const entry of entries) {
      this.records.push({ ...entry, seqNum: this.tail, timestampMs: Math.floor(this.#runtime.monotonicMs()) });
      this.fencingToken = fenceOf(entry) ?? this.fencingToken;
      this.#trimBy(entry);
    }
    for (const wake of this.#followers) wake();
    return { start, end: this.tail };
  }

  #trimBy({ headers, body }: AppendBatch["entries"][number]): void {
    if (headers.length !== 1 || headers[0][0].length > 0 || Buffer.from(headers[0][1]).toString() !== "trim") return;
    this.first = Math.max(this.first, Math.min(Number(Buffer.from(body).readBigUInt64BE()), this.tail));
  }

  connect(): SimulatedLog {
    return new SimulatedLog(this, this.#runtime);
  }

  onAppend(wake: () => void): () => void {
    this.#followers.add(wake);
    return () => this.#followers.delete(wake);
  }

  /** Breaks what follows. */
  wakeAll(): void {
    for (const wake of this.#followers) wake();
  }
}

export class SimulatedLog implements Log {
  readonly #stream: SimulatedStream;
  readonly #runtime: ReplicaRuntime;
  /** Until then nothing comes to who follows. */
  frozenUntilMs = 0;

  constructor(stream: SimulatedStream, runtime: ReplicaRuntime) {
    this.#stream = stream;
    this.#runtime = runtime;
  }

  append(batch: AppendBatch): Promise<AppendAck> {
    return this.#ask(() => this.#stream.take(batch));
  }

  read(from: number): Promise<readonly LogRecord[]> {
    return this.#ask(() => this.#stream.records.slice(Math.max(from, this.#stream.first), from + 1000));
  }

  checkTail(): Promise<number> {
    return this.#ask(() => {
      this.#stream.checks += 1;
      return this.#stream.tail;
    });
  }

  openAppender(): Appender {
    return new SimulatedAppender(this.#stream, this.#runtime);
  }

  /** Now and then from a little before: a reader must not mind. */
  follow(from: number): Follower {
    const before = this.#runtime.fraction() < this.#stream.weather.loss ? 3 : 0;
    return new SimulatedFollower(this.#stream, this.#runtime, Math.max(0, from - before), () => this.frozenUntilMs);
  }

  async close(): Promise<void> {}

  /** Sent, done, answered; each of them late or not at all. */
  #ask<T>(work: () => T): Promise<T> {
    const { weather } = this.#stream;
    const answer = Promise.withResolvers<T>();
    const timer = this.#runtime.setTimer(TIMEOUT_MS, () => answer.reject(new LogError("unknown", "timed out")));
    answer.promise.then(
      () => this.#runtime.clearTimer(timer),
      () => this.#runtime.clearTimer(timer),
    );
    deliver(this.#runtime, weather, () => {
      let reply: () => void;
      try {
        const done = work();
        reply = () => answer.resolve(done);
      } catch (error) {
        reply = () => answer.reject(error);
      }
      deliver(this.#runtime, weather, reply);
    });
    return answer.promise;
  }
}

/** Seldom much later than anyone waits for. */
function deliver(runtime: ReplicaRuntime, weather: Weather, arrive: () => void): void {
  if (runtime.fraction() < weather.loss) return;
  const late = runtime.fraction() < weather.loss / 2 ? 3 * TIMEOUT_MS : 0;
  runtime.setTimer(late + runtime.fraction() * weather.delayMs, () => {
    if (!weather.down) arrive();
  });
}

interface Sent extends PromiseWithResolvers<AppendAck> {
  readonly batch: AppendBatch;
}

/** A connection that delivers in order, until it breaks: then everything up to some point arrives, perhaps late, and nothing after it. */
class SimulatedAppender implements Appender {
  readonly #stream: SimulatedStream;
  readonly #runtime: ReplicaRuntime;
  readonly #queue: Sent[] = [];
  #delivering = false;
  /** The client's view. */
  #failure: LogError | undefined;
  /** The server's view: nothing more arrives. */
  #broken = false;

  constructor(stream: SimulatedStream, runtime: ReplicaRuntime) {
    this.#stream = stream;
    this.#runtime = runtime;
  }

  append(batch: AppendBatch): Promise<AppendAck> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const sent: Sent = { batch, ...Promise.withResolvers<AppendAck>() };
    sent.promise.catch(() => undefined);
    const timer = this.#runtime.setTimer(TIMEOUT_MS, () => this.#fail(new LogError("unknown", "timed out")));
    const clear = (): void => this.#runtime.clearTimer(timer);
    sent.promise.then(clear, clear);
    this.#queue.push(sent);
    this.#pending.add(sent);
    if (!this.#delivering) this.#deliver();
    return sent.promise;
  }

  close(): void {
    this.#fail(new LogError("unknown", "closed"));
  }

  readonly #pending = new Set<Sent>();
  #repliesLost = false;

  #deliver(): void {
    const sent = this.#queue[0];
    if (sent === undefined || this.#broken) return;
    this.#delivering = true;
    const { weather } = this.#stream;
    const late = this.#runtime.fraction() < weather.loss / 2 ? 2 * TIMEOUT_MS : 0;
    this.#runtime.setTimer(late + this.#runtime.fraction() * weather.delayMs, () => {
      this.#delivering = false;
      this.#queue.shift();
      if (weather.down || this.#runtime.fraction() < weather.loss) {
        this.#broken = true;
        return;
      }
      this.#arrive(sent);
      this.#deliver();
    });
  }

  #arrive(sent: Sent): void {
    try {
      const ack = this.#stream.take(sent.batch);
      this.#reply(() => {
        this.#pending.delete(sent);
        sent.resolve(ack);
      });
    } catch (error) {
      // Nothing after it is appended.
      this.#broken = true;
      this.#reply(() => this.#fail(error as LogError));
    }
  }

  #reply(reply: () => void): void {
    const { weather } = this.#stream;
    if (this.#repliesLost || this.#runtime.fraction() < weather.loss) {
      // Acknowledgements come in order, so none comes after a lost one.
      this.#repliesLost = true;
      return;
    }
    const atMs = Math.max(this.#lastReplyMs, this.#runtime.monotonicMs() + this.#runtime.fraction() * weather.delayMs);
    this.#lastReplyMs = atMs;
    this.#runtime.setTimer(atMs - this.#runtime.monotonicMs(), () => {
      if (this.#failure === undefined && !weather.down) reply();
    });
  }

  #lastReplyMs = 0;

  #fail(failure: LogError): void {
    this.#failure ??= failure;
    for (const sent of this.#pending) sent.reject(this.#failure);
    this.#pending.clear();
  }
}

class SimulatedFollower implements Follower {
  readonly #stream: SimulatedStream;
  readonly #runtime: ReplicaRuntime;
  #from: number;
  #closed = Promise.withResolvers<undefined>();
  #over = false;
  readonly #frozenUntilMs: () => number;

  constructor(stream: SimulatedStream, runtime: ReplicaRuntime, from: number, frozenUntilMs: () => number) {
    this.#stream = stream;
    this.#runtime = runtime;
    this.#from = from;
    this.#frozenUntilMs = frozenUntilMs;
  }

  next(): Promise<readonly LogRecord[] | undefined> {
    const records = this.#next();
    records.catch(() => undefined);
    return Promise.race([records, this.#closed.promise]);
  }

  close(): void {
    this.#over = true;
    this.#closed.resolve(undefined);
  }

  async #next(): Promise<readonly LogRecord[] | undefined> {
    const { weather } = this.#stream;
    for (;;) {
      await this.#pause(this.#runtime.fraction() * weather.delayMs);
      if (this.#over) return undefined;
      const frozenMs = this.#frozenUntilMs() - this.#runtime.monotonicMs();
      if (frozenMs > 0) {
        await this.#pause(frozenMs);
        continue;
      }
      const chance = this.#runtime.fraction();
      if (weather.down || chance < weather.loss / 2) throw new LogError("unknown", "the connection broke");
      if (chance < weather.loss) return undefined;
      const from = Math.max(this.#from, this.#stream.first);
      if (from < this.#stream.tail) {
        const count = 1 + Math.floor(this.#runtime.fraction() * 5);
        const records = this.#stream.records.slice(from, from + count);
        this.#from = from + records.length;
        return records;
      }
      if (this.#from < this.#stream.tail) throw new LogError("trimmed", "all is gone");
      await this.#appended();
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#runtime.setTimer(delayMs, resolve));
  }

  async #appended(): Promise<void> {
    let off = (): void => undefined;
    await Promise.race([
      new Promise<void>((resolve) => {
        off = this.#stream.onAppend(resolve);
      }),
      this.#closed.promise,
    ]);
    off();
  }
}
