// What a deletion leaves to be done after its answer: begun after a while, and again until it is done. Holds no timer when nothing is left
// to do; what a stop cuts off is found and resumed by the next start.
import { DELETION_GRACE_MS } from "../limits.ts";
import type { EngineLogger } from "../logger.ts";
import type { Runtime, TimerHandle } from "../runtime/index.ts";

export interface BackgroundOptions {
  readonly runtime: Runtime;
  readonly logger: EngineLogger;
  /** Whether the engine answers. While it does not, nothing is begun. */
  readonly isReady: () => boolean;
}

export class Background {
  readonly #options: BackgroundOptions;
  readonly #timers = new Set<TimerHandle>();

  constructor(options: BackgroundOptions) {
    this.#options = options;
  }

  /** Does `work` in `delayMs`, and again later when it fails. */
  later(delayMs: number, work: () => Promise<void>): void {
    const { runtime, logger, isReady } = this.#options;
    const timer = runtime.timers.set(delayMs, () => {
      this.#timers.delete(timer);
      if (!isReady()) return;
      work().catch((error: unknown) => {
        runtime.branches.reached("removal-retried");
        logger.warn({ error: String(error) }, "a deletion could not be finished and will be tried again");
        if (isReady()) this.later(DELETION_GRACE_MS, work);
      });
    });
    this.#timers.add(timer);
  }

  /** Begins nothing more. */
  stop(): void {
    for (const timer of this.#timers) this.#options.runtime.timers.clear(timer);
    this.#timers.clear();
  }
}
