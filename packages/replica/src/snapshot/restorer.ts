// From the newest snapshot that is whole to a state to go on from. One that is bad is told about, and the one before is taken;
// a connection that breaks says nothing about a snapshot, so it is tried again.
import { decodeBookkeeping } from "../apply/image.ts";
import { ReplicatedState } from "../apply/replicated-state.ts";
import { BadSnapshotError, VersionError } from "../errors.ts";
import { MAX_RETRY_MS, MIN_RETRY_MS } from "../limits.ts";
import { type Log, LogError } from "../log/log.ts";
import type { Machine, SnapshotFormat } from "../machine.ts";
import type { WholeRecord } from "../record/envelope.ts";
import { Backoff, Pause, type ReplicaRuntime } from "../runtime.ts";
import { readSnapshot, snapshotsIn } from "./reader.ts";

export class Restorer<State, Command, Result> {
  readonly #machine: Machine<State, Command, Result>;
  readonly #format: SnapshotFormat<State>;
  readonly #stream: Log;
  readonly #problem: (problem: unknown) => void;
  readonly #backoff: Backoff;
  readonly #pause: Pause;
  #ended = false;

  constructor(
    machine: Machine<State, Command, Result>,
    format: SnapshotFormat<State>,
    stream: Log,
    runtime: ReplicaRuntime,
    problem: (problem: unknown) => void,
  ) {
    this.#machine = machine;
    this.#format = format;
    this.#stream = stream;
    this.#problem = problem;
    this.#backoff = new Backoff(runtime, MIN_RETRY_MS, MAX_RETRY_MS);
    this.#pause = new Pause(runtime);
  }

  /**
   * The state of the last snapshot that is of a later record than `next`, and good; undefined if there is none. Rejects with
   * `VersionError` for one that this build must not read, and with a `LogError` that says that the stream refuses to be read.
   */
  async newerThan(next: number): Promise<ReplicatedState<State, Command, Result> | undefined> {
    while (!this.#ended) {
      try {
        return await this.#last(next);
      } catch (error) {
        if (!(error instanceof LogError) || error.failure === "refused") throw error;
        await this.#pause.wait(this.#backoff.nextMs());
      }
    }
    return undefined;
  }

  /** What is being restored is given up. */
  end(): void {
    this.#ended = true;
    this.#pause.end();
  }

  async #last(next: number): Promise<ReplicatedState<State, Command, Result> | undefined> {
    for await (const whole of snapshotsIn(this.#stream)) {
      if (this.#ended) return undefined;
      if (whole.next <= next) continue;
      this.#refuse(whole);
      try {
        return await readSnapshot(this.#stream, whole, (chunks) => this.#restored(whole, chunks));
      } catch (error) {
        if (!(error instanceof BadSnapshotError)) throw error;
        this.#problem(error);
      }
    }
    return undefined;
  }

  #refuse({ machine, version, next }: WholeRecord): void {
    const { name, version: ours } = this.#machine;
    if (machine !== name) throw new VersionError(`the snapshots are of the machine "${machine}", not of "${name}"`);
    if (version > ours) {
      throw new VersionError(
        `the snapshot of ${next} is of version ${version} of "${name}"; this build knows up to ${ours}`,
      );
    }
  }

  async #restored(
    { next, version }: WholeRecord,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<ReplicatedState<State, Command, Result>> {
    const iterator = chunks[Symbol.asyncIterator]();
    const first = await iterator.next();
    if (first.done === true) throw new BadSnapshotError(`the snapshot of ${next} is empty`);
    const kept = decodeBookkeeping(first.value);
    const rest = { [Symbol.asyncIterator]: () => iterator };
    const state = await this.#format.restore(rest, version);
    return ReplicatedState.restored(this.#machine, state, kept, next);
  }
}
