// What a client of the Redis port is told when a write or read could not be done. Each says whether anything can have happened.
import {
  CommandTooLargeError,
  NotAppendedError,
  OutcomeUnknownError,
  OverloadedError,
  ResultUnavailableError,
  StoppedError,
  UnavailableError,
} from "@tailrace/replica";
import { error, type Reply } from "../command/reply.ts";

/** A reply for what `Store` rejects with; undefined for anything else, which is a bug. */
export function failureReply(cause: unknown): Reply | undefined {
  if (cause instanceof CommandTooLargeError) return error(`ERR command is too large: ${cause.message}`);
  if (cause instanceof OverloadedError) return error("TRYAGAIN too much waits for the log; nothing was done");
  if (cause instanceof NotAppendedError) return error("TRYAGAIN the log did not take it in time; nothing was written");
  if (cause instanceof OutcomeUnknownError) {
    return error("UNCERTAIN the log has not told in time whether this was written; it may have been, or may be yet");
  }
  if (cause instanceof ResultUnavailableError) {
    return error("UNCERTAIN this was written once, but this replica did not see with which result");
  }
  if (cause instanceof UnavailableError) return error("UNAVAILABLE the log does not answer; nothing was done");
  if (cause instanceof StoppedError) return error("UNAVAILABLE this replica has stopped; nothing was done");
  return undefined;
}
