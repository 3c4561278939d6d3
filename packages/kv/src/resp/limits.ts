// The bounds of the Redis port, with their reasons.

/** A bulk string beyond this ends the connection: as in Redis by default. */
export const MAX_BULK_BYTES = 512 * 1024 * 1024;
/** Of a command that is kept: more than a record of the log can hold. The rest of a larger one is read past, and it is refused. */
export const MAX_COMMAND_BYTES = 2 * 1024 * 1024;
/** Before a client has said who it is, as in Redis. */
export const MAX_UNAUTHENTICATED_BULK_BYTES = 16 * 1024;
export const MAX_UNAUTHENTICATED_ARGUMENTS = 10;
/** Inline commands, and the lines that tell lengths. */
export const MAX_LINE_BYTES = 64 * 1024;

/** Commands of one connection that are begun or wait; with more, it is not read from. */
export const MAX_PENDING_COMMANDS = 1024;
/** Of those, under way at once before it is known how large this client's replies are. */
export const FIRST_WINDOW_COMMANDS = 64;
/** Within MULTI, in bytes: what EXEC sends must be one record. */
export const MAX_QUEUED_BYTES = 2 * 1024 * 1024;
/** With so many bytes of replies that the client has not taken, no more commands of it are begun. */
export const MAX_UNTAKEN_BYTES = 1024 * 1024;
/** With so many, it is dropped: a subscriber that does not take its messages, mostly. */
export const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** One reply; a larger one is refused, and SCAN and ranges give the same in parts. */
export const MAX_REPLY_BYTES = 128 * 1024 * 1024;
/** How long a client that was let go may take to go. */
export const LINGER_MS = 1_000;
/** A peer that is silent for so long is asked by TCP whether it is still there, as in Redis. */
export const KEEP_ALIVE_MS = 300_000;
/** Connections at once, as in Redis. */
export const DEFAULT_MAX_CLIENTS = 10_000;
/** Watched keys of a connection: they all go into the record of its EXEC. */
export const MAX_WATCHED_KEYS = 10_000;
/** Channels and patterns that a connection may listen to. */
export const MAX_SUBSCRIPTIONS = 10_000;
