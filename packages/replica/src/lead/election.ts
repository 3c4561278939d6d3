// How a replica comes to lead: it waits until the leader has been silent for its lease, and sets a fencing token of its own on
// condition that nothing has come since what it has applied. Of several that try one wins, and a leader that lives and is heard
// wins over all of them.
import type { Leader } from "../apply/image.ts";
import { MAX_RETRY_MS, MIN_RETRY_MS } from "../limits.ts";
import { fenceEntry, type Log, LogError } from "../log/log.ts";
import type { Progress } from "../read/progress.ts";
import { encodeRecord } from "../record/envelope.ts";
import { Backoff, Pause, type ReplicaRuntime } from "../runtime.ts";
import type { LeaderWatch } from "./leader-watch.ts";

export interface ElectionSetup {
  readonly log: Log;
  readonly runtime: ReplicaRuntime;
  readonly progress: Progress;
  readonly watch: LeaderWatch;
  readonly holder: string;
  readonly leaseMs: number;
  /** As of what is applied. */
  standing(): { readonly token: string; readonly leader: Leader | undefined };
  /** Waits for everything that is in the log to be applied. */
  caughtUp(): Promise<unknown>;
}

export interface Elected {
  readonly token: string;
  readonly sentMs: number;
}

const TOKEN_BYTES = 18;

export class Election {
  readonly #setup: ElectionSetup;
  readonly #pause: Pause;
  #ended = false;

  constructor(setup: ElectionSetup) {
    this.#setup = setup;
    this.#pause = new Pause(setup.runtime);
  }

  /** Until it is won, or `end`: then undefined. Rejects where the log refuses for good. */
  async win(): Promise<Elected | undefined> {
    const { runtime, leaseMs } = this.#setup;
    const backoff = new Backoff(runtime, MIN_RETRY_MS, Math.min(MAX_RETRY_MS, leaseMs));
    while (!this.#ended) {
      await this.#silence();
      if (this.#ended) return undefined;
      const elected = await this.#try();
      if (elected !== undefined) return elected;
      await this.#pause.wait(backoff.nextMs());
    }
    return undefined;
  }

  end(): void {
    this.#ended = true;
    this.#pause.end();
  }

  /** Until nobody leads who may be alive. */
  async #silence(): Promise<void> {
    const { watch, standing } = this.#setup;
    while (!this.#ended) {
      const { leader } = standing();
      const leftMs = leader === undefined ? 0 : watch.leftMs(leader.leaseMs);
      if (leftMs === 0) return;
      // A leader that resigns is noticed soon; one that is silent is out of its lease after all of it.
      await this.#pause.wait(Math.min(leftMs, leader === undefined ? leftMs : leader.leaseMs / 10));
    }
  }

  /** Undefined if something came in between. */
  async #try(): Promise<Elected | undefined> {
    const { log, runtime, progress, holder, leaseMs, standing, caughtUp } = this.#setup;
    const token = Buffer.from(runtime.randomBytes(TOKEN_BYTES)).toString("base64url");
    const at = progress.next;
    const entries = [fenceEntry(token), encodeRecord({ kind: "term", holder, leaseMs })];
    const sentMs = runtime.monotonicMs();
    const backoff = new Backoff(runtime, MIN_RETRY_MS, MAX_RETRY_MS);
    // Asked again, and only in this place: once something stands there, that is whether it was won.
    while (progress.next === at && !this.#ended) {
      try {
        await log.append({ entries, matchSeqNum: at });
      } catch (error) {
        if (!(error instanceof LogError) || error.failure === "refused") throw error;
        await this.#pause.wait(backoff.nextMs());
      }
      await caughtUp().catch(() => undefined);
    }
    return standing().token === token && !this.#ended ? { token, sentMs } : undefined;
  }
}
