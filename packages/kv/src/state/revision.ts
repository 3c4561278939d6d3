// When a key last changed: the position in the log and the place within the record, as one number. A record may hold many
// transactions, each with a revision of its own, so that a revision names one state of a key and no other.

/** Transactions in one record. */
export const MAX_UNITS = 1024;

/** Of a key that is not there. The log's first record is never a command: a proposer's session is opened before. */
export const ABSENT = 0;

/** Safe integers up to a position of 2^43. */
export function revisionOf(seqNum: number, unit: number): number {
  return seqNum * MAX_UNITS + unit;
}

/** Of the record that made it. */
export function seqNumOf(revision: number): number {
  return Math.floor(revision / MAX_UNITS);
}
