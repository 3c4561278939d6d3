// How much a session may write at once: its share of what all sessions together may hold for clients that take nothing.
// Counts sessions; holds no bytes itself.

/** What the untaken batches of all sessions may come to, as long as there are not more of them than this has shares. */
const ALL_SESSIONS_BYTES = 256 * 1024 * 1024;
/** The largest batch that the API allows: a few sessions are never cut short. */
const MAX_SHARE_BYTES = 1024 * 1024;
/** A session costs about as much for its socket. */
const MIN_SHARE_BYTES = 64 * 1024;

export class FairShare {
  #sessions = 0;

  enter(): void {
    this.#sessions += 1;
  }

  leave(): void {
    this.#sessions -= 1;
  }

  /** Metered bytes of a batch. */
  get bytes(): number {
    return Math.max(MIN_SHARE_BYTES, Math.min(MAX_SHARE_BYTES, Math.floor(ALL_SESSIONS_BYTES / this.#sessions)));
  }

  /** Whether batches are cut: they are then copied, so that a small one keeps no large buffer in memory. */
  get scarce(): boolean {
    return this.bytes < MAX_SHARE_BYTES;
  }
}
