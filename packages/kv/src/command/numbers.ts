// Numbers in arguments, as strictly as Redis takes them, and as it writes them. Integers are of 64 bits.
import { CommandError, NOT_A_FLOAT, NOT_AN_INTEGER } from "./errors.ts";

export const MAX_INT64 = 2n ** 63n - 1n;
export const MIN_INT64 = -(2n ** 63n);

const CANONICAL = /^(?:0|-?[1-9][0-9]{0,18})$/;

/** The integer that the text is, written as Redis writes it: no sign +, no leading zeros, no blanks. Undefined if it is none. */
export function parseInt64(text: string): bigint | undefined {
  if (!CANONICAL.test(text)) return undefined;
  const value = BigInt(text);
  return value > MAX_INT64 || value < MIN_INT64 ? undefined : value;
}

/** Exactly. Throws the usual refusal, or the one given. */
export function int64(text: string, refusal = NOT_AN_INTEGER): bigint {
  const value = parseInt64(text);
  if (value === undefined) throw new CommandError(refusal);
  return value;
}

/** As a number: exact up to 53 bits, and near beyond, which is good enough for indices, counts and limits. */
export function integer(text: string, refusal = NOT_AN_INTEGER): number {
  // Nearly always short.
  if (text.length < 16 && CANONICAL.test(text)) return Number(text);
  return Number(int64(text, refusal));
}

/** An integer within bounds. */
export function integerWithin(text: string, min: number, max: number, refusal = NOT_AN_INTEGER): number {
  const value = integer(text, refusal);
  if (value < min || value > max) throw new CommandError(refusal);
  return value;
}

const DECIMAL = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const INFINITE = /^([+-]?)inf(?:inity)?$/i;
const HEXADECIMAL = /^([+-]?)0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?[0-9]+))?$/i;

/** What C's strtod makes of the whole text, without blanks; undefined for what is no number, and for NaN. */
export function parseDouble(text: string): number | undefined {
  if (DECIMAL.test(text)) return Number(text);
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  const hex = HEXADECIMAL.exec(text);
  if (hex === null) return undefined;
  const [, sign, whole, fraction = "", exponent = "0"] = hex;
  if (whole === "" && fraction === "") return undefined;
  const mantissa = Number(`0x0${whole}${fraction}`);
  return (sign === "-" ? -1 : 1) * mantissa * 2 ** (Number(exponent) - 4 * fraction.length);
}

/** Throws the usual refusal, or the one given. */
export function float(text: string, refusal = NOT_A_FLOAT): number {
  const value = parseDouble(text);
  if (value === undefined) throw new CommandError(refusal);
  return value;
}

/** As Redis's `%.17g` writes it: the shortest digits that mean this very number would be others, so 17 of them, without trailing zeros. */
export function formatDouble(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return "inf";
  if (value === Number.NEGATIVE_INFINITY) return "-inf";
  if (Object.is(value, -0)) return "-0";
  if (Number.isInteger(value) && Math.abs(value) < 1e17) return String(value);
  const exponent = Number(value.toExponential(16).split("e")[1]);
  if (exponent < -4 || exponent >= 17) {
    const [digits, power] = value.toExponential(16).split("e");
    const trimmed = digits.includes(".") ? digits.replace(/0+$/, "").replace(/\.$/, "") : digits;
    const magnitude = power.slice(1).padStart(2, "0");
    return `${trimmed}e${power[0]}${magnitude}`;
  }
  const fixed = value.toFixed(Math.min(100, 16 - exponent));
  return fixed.includes(".") ? fixed.replace(/0+$/, "").replace(/\.$/, "") : fixed;
}
