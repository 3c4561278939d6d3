// Every bound of the package, with its reason. Those of the format are the same in every replica for good.

/** Of S2: records of one batch. */
export const MAX_BATCH_RECORDS = 1000;
/** Of S2: metered bytes of one batch. */
export const MAX_BATCH_BYTES = 1024 * 1024;
/** What a record's envelope may meter beside its command: more than any envelope needs. */
export const MAX_ENVELOPE_BYTES = 128;
/** A command is one record, and a record fits into a batch. */
export const MAX_COMMAND_BYTES = MAX_BATCH_BYTES - MAX_ENVELOPE_BYTES;

/** Format: proposers that a log remembers unless its machine says otherwise; far more than replicas can follow one stream. */
export const DEFAULT_MAX_SESSIONS = 1024;

/** Batches on their way at once. Enough to keep a log busy whose acknowledgement takes several times as long as a batch's transfer. */
export const MAX_IN_FLIGHT_BATCHES = 8;
/** With this many small batches on their way, proposals gather for the next instead: many share one append. */
export const MAX_SMALL_IN_FLIGHT = 2;
/** A batch of this many bytes is worth an append of its own. */
export const SMALL_BATCH_BYTES = 128 * 1024;

/** Proposals not resolved yet that a replica holds before it refuses more. */
export const DEFAULT_MAX_PENDING = 20_000;
/** The same in bytes of commands: twice what may be in flight. */
export const DEFAULT_MAX_PENDING_BYTES = 2 * MAX_IN_FLIGHT_BATCHES * MAX_BATCH_BYTES;

/** How long a proposal's caller waits unless told otherwise: longer than servers restart, shorter than people do. */
export const DEFAULT_PROPOSAL_TIMEOUT_MS = 30_000;
/** How long a read waits for the log unless told otherwise. */
export const DEFAULT_READ_TIMEOUT_MS = 10_000;

/** Between tries while the log cannot be reached. */
export const MIN_RETRY_MS = 20;
export const MAX_RETRY_MS = 2_000;

/** Reads that may wait for the log at once before more are refused. */
export const MAX_WAITING_READS = 20_000;

/** Records that are applied between snapshots unless told otherwise: as many as a replica reads in a few seconds. */
export const DEFAULT_SNAPSHOT_EVERY_RECORDS = 100_000;
/** The same in metered bytes. */
export const DEFAULT_SNAPSHOT_EVERY_BYTES = 256 * 1024 * 1024;
/** Snapshots are written and read in pieces of this size: large enough to be fast, two of them in one answer. */
export const SNAPSHOT_PIECE_BYTES = 512 * 1024 - MAX_ENVELOPE_BYTES;
/** Replicas that find a checkpoint due wait up to so long before they append it, so that one of them is first. */
export const CHECKPOINT_SPREAD_MS = 500;
/** A snapshot whose pieces cannot be written for so long is given up; the next one will do. */
export const SNAPSHOT_PATIENCE_MS = 60_000;
/** Where the newest whole snapshot is looked for, windows of so many records are read, from the end on. */
export const SNAPSHOT_SCAN_RECORDS = 16;

/** How long a leader's silence must last unless told otherwise before another one may lead: longer than a server's restart. */
export const DEFAULT_LEASE_MS = 10_000;
/** A leader lets itself be heard this often within its lease, so that one lost renewal costs nothing. */
export const RENEWALS_PER_LEASE = 3;

/** Records between digests unless told otherwise: a few small records of each replica among so many. */
export const DEFAULT_DIGEST_EVERY_RECORDS = 10_000;
/** Where digests differ, others have so long to say theirs before the count decides. */
export const DIGEST_GRACE_MS = 2_000;
/** Checkpoints whose digests are remembered; a replica that lags more has nobody left to compare with. */
export const MAX_REMEMBERED_DIGESTS = 8;
