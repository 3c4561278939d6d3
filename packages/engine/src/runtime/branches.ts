// The rare branches of the engine's protocols, by name, and how often each was taken: for operators, and for simulation,
// which fails when one of them is never reached. Nothing on a hot path is counted here.

export const RARE_BRANCHES = [
  /** A put found an object in its place: our own, after a lost reply. */
  "put-exists-own",
  /** A put found another owner's object in its place. */
  "put-exists-foreign",
  /** An object in our place could not be read back yet. */
  "put-exists-unread",
  "put-retried",
  /** An append's chunk was not durable within the deadline. */
  "append-late",
  /** An append was refused at once, because the store takes no writes. */
  "append-refused-while-store-is-away",
  /** A refusal waited for the state that it rests on. */
  "refusal-waited",
  "lease-earned-by-get",
  /** A look ahead found the next place empty, but a put was sent there meanwhile. */
  "lease-refused-after-put",
  /** A look ahead took longer than a lease. */
  "lease-earned-too-late",
  /** A renewal waited for a chunk in flight. */
  "lease-waits-for-put",
  "lease-store-silent",
  /** A look ahead found a successor's object. */
  "deposed-by-look-ahead",
  /** An object that should have been there was missing: its log, or its manifest, had moved on. */
  "log-moved",
  /** The log's start had moved before the fence was put. */
  "log-start-moved",
  /** Another object stood where a fence should go. */
  "fence-race-lost",
  /** A fence stood in its place already: our own, after a lost reply. */
  "fence-was-in",
  "takeover-restarted",
  /** The newest manifest marks an epoch that is not older than ours. */
  "marker-epoch-passed",
  /** A flush by the owner before came between reading and fencing. */
  "flushed-during-takeover",
  /** Another marker stood under our version. */
  "marker-race-lost",
  /** A later marker stands on top of ours. */
  "marker-not-newest",
  /** The wait of a takeover was skipped after a release. */
  "wait-skipped-after-release",
  /** The wait was skipped because the store's lock is held. */
  "wait-skipped-by-lock",
  /** Chunks beyond a hole or before a fence's resumption do not count. */
  "void-chunk",
  "hole-ends-log",
  "release-put",
  /** A follower was told of a heartbeat's tail after something newer had come. */
  "tail-moved-while-renewing",
  "history-from-store",
  "history-retried",
  "append-waited-for-room",
  /** A creation was asked for again with its request token. */
  "creation-repeated",
  /** A deleted name could not be freed, and will be. */
  "removal-retried",
  /** What is over its age could not be trimmed, and will be. */
  "retention-retried",
  /** More was appended than the operator's quota allows: refused, or held up in a session. */
  "append-over-quota",
  "session-held-up-by-quota",
  /** A segment or a manifest stood in its place already: our own, after a lost reply. */
  "flush-was-in",
  /** Another's manifest stood under the version of a flush, or on top of it. */
  "deposed-by-manifest",
  /** Chunks waited for flushes to catch up. */
  "chunks-waited-for-flush",
  /** A flush had to fetch chunks that were no longer in memory. */
  "flush-from-store",
  /** Nothing was written for long, and what was left of the log was flushed; segments that busy hours would leave apart were merged. */
  "flushed-at-rest",
  "merged-at-rest",
  "log-collected",
  "orphan-collected",
  "delete-failed",
  /** Segments became one; one that was mostly dead was written anew. */
  "segments-merged",
  "segment-rewritten",
  /** What was to be merged had gone meanwhile, all of it. */
  "merged-into-nothing",
  /** A merge waited for a quieter moment. */
  "merge-paused",
  /** A flush was named between what a merge began with and what it ended with. */
  "flushed-during-merge",
  /** Segments whose place others have taken were deleted. */
  "segments-collected",
  /** A stream that was not in memory was found in segments. */
  "stream-opened-cold",
  /** One that nobody used left memory. */
  "stream-forgotten",
  /** The filter of a segment let pass what it does not have. */
  "name-sought-in-vain",
  "stream-sought-in-vain",
  /** Segments were merged while a stream was looked up in them, or while they were listed. */
  "cold-open-restarted",
  /** Another of its name was created while a stream was looked up. */
  "cold-open-overtaken",
  "listing-restarted",
  /** A stream that was not in memory fell due. */
  "cold-stream-due",
  /** The log told of a stream that only segments know. */
  "resolved-from-segments",
] as const;

export type RareBranch = (typeof RARE_BRANCHES)[number];

/** Counts since the process started. */
export class BranchCounts {
  readonly #counts = new Map<RareBranch, number>();

  reached(branch: RareBranch): void {
    this.#counts.set(branch, (this.#counts.get(branch) ?? 0) + 1);
  }

  count(branch: RareBranch): number {
    return this.#counts.get(branch) ?? 0;
  }
}
