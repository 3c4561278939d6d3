// EX, PX, EXAT and PXAT: a time to live in arguments as a moment of the log's time, with Redis's bounds.
import { CommandError } from "./errors.ts";
import { int64, MAX_INT64 } from "./numbers.ts";

/** How a moment is told: the unit, and from when it counts. */
export interface ExpiryForm {
  readonly unitMs: 1 | 1000;
  readonly relative: boolean;
}

export const EXPIRY_FORMS: Readonly<Record<string, ExpiryForm>> = {
  EX: { unitMs: 1000, relative: true },
  PX: { unitMs: 1, relative: true },
  EXAT: { unitMs: 1000, relative: false },
  PXAT: { unitMs: 1, relative: false },
};

/**
 * The moment in milliseconds since the epoch. Throws `CommandError` for what is no number or beyond 64 bits, and where it must
 * be positive and is not.
 */
export function expiryMoment(
  text: string,
  { unitMs, relative }: ExpiryForm,
  nowMs: number,
  command: string,
  mustBePositive = true,
): number {
  const invalid = `ERR invalid expire time in '${command}' command`;
  const value = int64(text);
  if (mustBePositive && value <= 0n) throw new CommandError(invalid);
  const momentMs = value * BigInt(unitMs) + (relative ? BigInt(nowMs) : 0n);
  if (value * BigInt(unitMs) > MAX_INT64 || momentMs > MAX_INT64 || value * BigInt(unitMs) < -MAX_INT64 - 1n) {
    throw new CommandError(invalid);
  }
  // Beyond 2^53 ms nobody counts single ones.
  return Number(momentMs);
}
