// The engine's bounds, each with the reason for its value. What all owners of a deployment must agree on is in deployment.json instead.

/** Bytes at which a chunk is full: large enough to amortise a put, small enough that a put does not hold up those behind it. One batch always fits. */
export const MAX_CHUNK_BYTES = 4 * 1024 * 1024;

/** Memory is taken for chunks in slabs, so that a small chunk pins a small part of one. */
export const SLAB_BYTES = 1024 * 1024;

/** Puts under way at once. More would split a crowd into smaller chunks without adding to the store's throughput. */
export const MAX_CONCURRENT_PUTS = 4;

/** A chunk below this costs its put and hardly anything more. While as many puts as these are under way it waits for company:
 * a crowd of small appends then shares half the puts, and with them the syncs of a disk, for an eighth of a put's time more. */
export const SMALL_CHUNK_BYTES = 128 * 1024;
export const MAX_CONCURRENT_SMALL_PUTS = 2;

/** Bytes accepted and not yet durable in this process, beyond which appends wait. */
export const MAX_IN_FLIGHT_BYTES = 128 * 1024 * 1024;

/** What one stream may hold of MAX_IN_FLIGHT_BYTES: no stream starves another. */
export const MAX_IN_FLIGHT_BYTES_PER_STREAM = 32 * 1024 * 1024;

/** Bytes of appends that wait to be accepted; beyond it they are refused. */
export const MAX_WAITING_BYTES = 128 * 1024 * 1024;

/** How long an append may stay unanswered. Past it the outcome is unknown to the client. */
export const APPEND_DEADLINE_MS = 5_000;

/** First and longest pause before a failed put or get is tried again. */
export const RETRY_FIRST_MS = 20;
export const RETRY_MAX_MS = 1_000;

/** How long an answer may wait for a lease or a get of history before it fails. */
export const STORE_DEADLINE_MS = 5_000;

/** Linger of the classes: how long a chunk may wait for company. */
export const STANDARD_LINGER_MS = 100;

/** How long a background trim may wait for company: it is in nobody's way, but answers that rest on it wait with it. */
export const RETENTION_LINGER_MS = 100;

/** Memory for records, written lately or fetched, where nobody says how much. */
export const DEFAULT_CACHE_BYTES = 256 * 1024 * 1024;

/** Chunks leave memory this long after they were written, fetched history after its last use: what is dormant holds none. */
export const CACHE_AGE_MS = 60_000;

/** A stream that nobody has used for so long leaves memory, or twice as long after its last use. */
export const DORMANT_MS = 60_000;

/** What streams in memory may take beside the memory for records, before they leave it as soon as segments tell all of them, without waiting for the
 * chunks that hold their newest records to do so first. Those that somebody uses, and those that are not flushed, stay. */
export const STREAMS_SHARE = 1 / 8;
/** What a stream in memory takes, about. */
export const STREAM_BYTES = 4 * 1024;
/** Streams that may stay however little memory there is for records. */
export const MIN_MANY_STREAMS = 4_096;

/** How soon they are looked for then. */
export const CROWDED_LOOK_MS = 1_000;

/** The stored bytes that one entry of a stream's chunk index stands for, at least, within one chunk. */
export const RUN_BYTES = 64 * 1024;

/** The longest get of history, at a sequential reader's first and later on: neighbouring runs of a chunk are fetched together, in the end whole chunks with the batch that filled them. */
export const FIRST_FETCH_BYTES = 1024 * 1024;
export const MAX_FETCH_BYTES = MAX_CHUNK_BYTES + 2 * 1024 * 1024;

/** History that a sequential reader has fetched ahead of itself, at first and later on: enough to keep a distant store busy. */
export const FIRST_READ_AHEAD_BYTES = 2 * 1024 * 1024;
export const MAX_READ_AHEAD_BYTES = 32 * 1024 * 1024;

/** Gets of history under way at once, of all readers, beyond which nobody fetches ahead: chunks may be small, and readers many. */
export const MAX_READ_AHEAD_GETS = 32;

/** Heartbeats of a silent session come after a random time between these (API: S2S sessions). */
export const HEARTBEAT_MIN_MS = 5_000;
export const HEARTBEAT_MAX_MS = 15_000;

/** How long a deleted name stays pending: a client that retries its DELETE after a lost reply is answered as before. */
export const DELETION_GRACE_MS = 1_000;

/** A session counts as one operation for each of these in which it did something (API: metrics). */
export const OPERATION_MS = 60_000;

/** What is flushed into one segment: any of these is enough. A flush holds that much in memory, and a restart reads that much of the log
 * and what waits to be flushed. */
export const FLUSH_BYTES = 64 * 1024 * 1024;
export const FLUSH_CHUNKS = 1_024;
export const FLUSH_STREAMS = 8_192;

/** Flushes that may wait for one under way; beyond, appends wait with them, lest a restart take long. */
export const MAX_QUEUED_FLUSHES = 8;

/** A flush of FLUSH_BYTES waits for a moment in which nothing was written for so long, lest it take a burst's disk and processor; but no
 * more than so many wait. Those of many small chunks do not wait: a restart would pay for each chunk. */
export const FLUSH_QUIET_MS = 250;
export const MAX_PATIENT_FLUSHES = 4;

/** Nothing has been written for so long, not even what is written once a minute (usage, what ages): the log is at rest, and what is left of it is flushed. */
export const REST_MS = 90_000;

/** At rest this part of what else is enough for a flush is worth one: a few requests, once for as many puts or more. */
export const REST_SHARE = 1 / 64;

/** What may be deleted waits for such a moment, too, but no longer than this. */
export const MAX_COLLECT_DELAY_MS = 30_000;

/** Before chunks and segments are deleted, after the last reader was sent there. A reader asks again until STORE_DEADLINE_MS have passed, and what it asked
 * last may be under way for as long again: its answer is nobody's by then, but who deletes must not be found reading. */
export const COLLECT_GRACE_MS = 2 * STORE_DEADLINE_MS + 1_000;

/** Segments of one level that are merged into one of the next: each byte is rewritten once for each eightfold growth, and a level has no more. */
export const COMPACTION_FAN_IN = 8;

/** What a merged segment may have of what is live, for a merge holds it in memory: as much as a flush. Twice as many as half of it fit into what is
 * stored are the segments that there may be at the end of all merging. */
export const MERGED_BYTES = FLUSH_BYTES;

/** A segment is rewritten by itself once half of it is dead, and that is at least so much: less is not worth a put. */
export const DEAD_BYTES = 1024 * 1024;

/** What a merge has of its inputs in memory besides, and gets at once. */
export const MERGE_READ_BYTES = 8 * 1024 * 1024;
export const MERGE_STRETCH_BYTES = 1024 * 1024;

/** Segments that one merge takes, at most. */
export const MAX_MERGED_SEGMENTS = 64;

/** While something is being written to the log, a merge waits this long before each stretch that it reads: it is in no hurry, but it does end. */
export const MERGE_PAUSE_MS = 100;
