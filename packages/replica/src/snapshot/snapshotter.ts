// When snapshots are taken, by whom, and what goes away for them. A snapshot is due by the log's own count since the last
// checkpoint; who appends the next checkpoint first takes it, at that very record. The announcement in the log is what counts,
// and trims follow from it alone.
import type { Effect } from "../apply/replicated-state.ts";
import { Due } from "../due.ts";
import { type Log, type LogRecord, meteredBytes, trimEntry } from "../log/log.ts";
import { encodeRecord, NONCE_BYTES, sameBytes } from "../record/envelope.ts";
import type { ReplicaRuntime } from "../runtime.ts";
import { type SnapshotToWrite, SnapshotWriter } from "./writer.ts";

export interface SnapshotterSetup {
  readonly log: Log;
  readonly stream: Log;
  readonly runtime: ReplicaRuntime;
  readonly everyRecords: number;
  readonly everyBytes: number;
  /** A snapshot of the state as it is now. */
  capture(): SnapshotToWrite;
  /** Something failed that stops nobody. */
  problem(error: unknown): void;
}

export class Snapshotter {
  readonly #setup: SnapshotterSetup;
  /** Of this replica's checkpoints. */
  readonly #nonce: Uint8Array;
  readonly #writer: SnapshotWriter;
  /** Counts since the last checkpoint, of whomever. */
  readonly #due: Due;
  #writing = false;
  #ended = false;

  constructor(setup: SnapshotterSetup) {
    this.#setup = setup;
    this.#nonce = setup.runtime.randomBytes(NONCE_BYTES);
    this.#writer = new SnapshotWriter(setup.stream, setup.runtime);
    this.#due = new Due(setup.runtime, setup, () => {
      const checkpoint = encodeRecord({ kind: "checkpoint", nonce: this.#nonce, snapshot: true });
      if (!this.#writing) this.#append(setup.log, checkpoint);
    });
  }

  /** What was just applied. */
  observe(effect: Effect<unknown>, record: LogRecord): void {
    if (effect.kind === "checkpoint" && effect.snapshot) {
      this.#due.reset();
      if (sameBytes(effect.nonce, this.#nonce)) this.#take();
    } else if (effect.kind === "announced" && effect.trims !== undefined && sameBytes(effect.nonce, this.#nonce)) {
      // Lost, it is made good by the next one.
      this.#append(this.#setup.log, trimEntry(effect.trims.log));
      this.#append(this.#setup.stream, trimEntry(effect.trims.snapshots));
    }
    this.#due.count(meteredBytes(record));
  }

  end(): void {
    this.#ended = true;
    this.#due.end();
    this.#writer.end();
  }

  #append(log: Log, entry: ReturnType<typeof encodeRecord>): void {
    log.append({ entries: [entry] }).catch((error: unknown) => this.#problem(error));
  }

  #take(): void {
    // The same checkpoint twice, or one that came while the last snapshot is still on its way.
    if (this.#writing || this.#ended) return;
    this.#writing = true;
    this.#write(this.#setup.capture())
      .catch((error: unknown) => this.#problem(error))
      .finally(() => {
        this.#writing = false;
      });
  }

  async #write(snapshot: SnapshotToWrite): Promise<void> {
    const { next, first } = await this.#writer.write(snapshot);
    await this.#setup.log.append({ entries: [encodeRecord({ kind: "snapshot", nonce: this.#nonce, next, first })] });
  }

  #problem(error: unknown): void {
    if (!this.#ended) this.#setup.problem(error);
  }
}
