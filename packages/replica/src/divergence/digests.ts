// Looks for replicas whose state is another than that of the rest: at each checkpoint every replica says its digest in the log.
// Where they differ, the one that most replicas have is right, or the first said among equals; who has another stops. A
// replica in doubt about others goes on.
import type { Effect } from "../apply/replicated-state.ts";
import { Due } from "../due.ts";
import { DivergenceError } from "../errors.ts";
import { DIGEST_GRACE_MS, MAX_REMEMBERED_DIGESTS } from "../limits.ts";
import { type Log, type LogRecord, meteredBytes } from "../log/log.ts";
import { encodeRecord, NONCE_BYTES, type ReplicaRecord } from "../record/envelope.ts";
import type { ReplicaRuntime, Timer } from "../runtime.ts";

export interface DigestsSetup {
  readonly log: Log;
  readonly runtime: ReplicaRuntime;
  readonly everyRecords: number;
  /** Whether this replica has caught up: of what is long past it says nothing, it only compares. */
  isLive(): boolean;
  /** Of the state as it is now; undefined if the machine has none. */
  digest(): Uint8Array | undefined;
  /** This replica is the one that differs. */
  diverged(error: DivergenceError): void;
  /** Something is wrong that does not stop this replica. */
  problem(error: unknown): void;
}

interface Checkpoint {
  readonly next: number;
  readonly mine: string;
  /** What was said in the log, by whom, in its order. */
  readonly said: Map<string, string>;
  grace: Timer | undefined;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

export class Digests {
  readonly #setup: DigestsSetup;
  readonly #nonce: Uint8Array;
  readonly #due: Due;
  /** Those that this replica has passed, by `next`, the oldest first. */
  readonly #checkpoints = new Map<number, Checkpoint>();
  #ended = false;

  constructor(setup: DigestsSetup) {
    this.#setup = setup;
    this.#nonce = setup.runtime.randomBytes(NONCE_BYTES);
    const interval = { everyRecords: setup.everyRecords, everyBytes: Number.POSITIVE_INFINITY };
    this.#due = new Due(setup.runtime, interval, () =>
      this.#append({ kind: "checkpoint", nonce: this.#nonce, snapshot: false }),
    );
  }

  /** What was just applied. */
  observe(effect: Effect<unknown>, record: LogRecord): void {
    if (effect.kind === "checkpoint") {
      this.#due.reset();
      const digest = this.#passes(record.seqNum + 1);
      if (digest !== undefined && this.#setup.isLive()) {
        this.#append({ kind: "digest", nonce: this.#nonce, next: record.seqNum + 1, digest });
      }
    } else if (effect.kind === "digest") {
      this.#said(effect);
    }
    // Nothing else changes the machine's state, and an idle log shall stay idle.
    if (effect.kind === "applied" || effect.kind === "transacted") this.#due.count(meteredBytes(record));
  }

  /** The replica went on from a snapshot, and has its state now: others have said theirs behind it in the log. */
  restored(next: number): void {
    this.#passes(next);
  }

  end(): void {
    this.#ended = true;
    this.#due.end();
    for (const checkpoint of this.#checkpoints.values()) this.#forget(checkpoint);
  }

  #passes(next: number): Uint8Array | undefined {
    const digest = this.#setup.digest();
    if (digest === undefined) return undefined;
    this.#checkpoints.set(next, { next, mine: hex(digest), said: new Map(), grace: undefined });
    const [oldest] = this.#checkpoints.values();
    if (this.#checkpoints.size > MAX_REMEMBERED_DIGESTS) this.#forget(oldest);
    return digest;
  }

  #forget(checkpoint: Checkpoint): void {
    this.#checkpoints.delete(checkpoint.next);
    if (checkpoint.grace !== undefined) this.#setup.runtime.clearTimer(checkpoint.grace);
  }

  #said({ next, nonce, digest }: Extract<Effect<unknown>, { kind: "digest" }>): void {
    const checkpoint = this.#checkpoints.get(next);
    if (checkpoint === undefined) return;
    checkpoint.said.set(hex(nonce), hex(digest));
    if (hex(digest) === checkpoint.mine || checkpoint.grace !== undefined) return;
    checkpoint.grace = this.#setup.runtime.setTimer(DIGEST_GRACE_MS, () => this.#judge(checkpoint));
  }

  #judge(checkpoint: Checkpoint): void {
    const { next, mine, said } = checkpoint;
    // Its own counts, even if the log has not got it yet.
    const right = mostSaid([...new Map([...said, [hex(this.#nonce), mine]]).values()]);
    this.#forget(checkpoint);
    const counts = `the states before ${next} differ: ${[...said.values(), mine].length} digests were said`;
    const error = new DivergenceError(next, `${counts}, this replica has ${mine}, most have ${right}`);
    if (right === mine) this.#setup.problem(error);
    else this.#setup.diverged(error);
  }

  #append(record: ReplicaRecord): void {
    this.#setup.log.append({ entries: [encodeRecord(record)] }).catch((error: unknown) => {
      if (!this.#ended) this.#setup.problem(error);
    });
  }
}

/** Among those said equally often, the one that was said first. */
export function mostSaid(digests: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const digest of digests) counts.set(digest, (counts.get(digest) ?? 0) + 1);
  let [most, times]: [string | undefined, number] = [undefined, 0];
  for (const [digest, count] of counts) if (count > times) [most, times] = [digest, count];
  return most;
}
