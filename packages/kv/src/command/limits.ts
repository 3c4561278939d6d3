// The bounds of commands, with their reasons. The same in every replica for good: they decide what a command in the log does.

/** A string value, as `proto-max-bulk-len` of Redis: no longer than a command, which is one record, could set at once. */
export const MAX_STRING_BYTES = 1024 * 1024;
/** What one command may read of strings, repeated ones included: every replica has to do it before anything else. */
export const MAX_READ_BYTES = 64 * 1024 * 1024;
/**
 * Elements that the commands of one transaction may look at where a client can make them look at the same ones again and again,
 * and steps of matching patterns: a few seconds' worth. Every replica has to take them before anything else.
 */
export const MAX_STEPS = 16 * 1024 * 1024;
/** Of PSUBSCRIBE: every message is held against every pattern. */
export const MAX_PATTERN_BYTES = 1024;
/** Of PUBLISH, for the same reason. */
export const MAX_CHANNEL_BYTES = 4096;
/** Names are for finding things. */
export const MAX_KEY_BYTES = 64 * 1024;
/** Of a command, its name included: each costs memory beside its bytes. */
export const MAX_ARGUMENTS = 128 * 1024;
/** HRANDFIELD, SRANDMEMBER and ZRANDMEMBER with a negative count give so many at most: what is asked for is held in memory. */
export const MAX_RANDOM_PICKS = 1024 * 1024;
/** Of a value set over HTTP: longer ones are no names of formats. */
export const MAX_CONTENT_TYPE_BYTES = 256;
/** A thousand years: moments stay far within what numbers hold exactly. */
export const MAX_TTL_MS = 1000 * 366 * 24 * 3600 * 1000;
