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

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const HEXADECIMAL = /^([+-]?)0x([\da-f]*)(?:\.([\da-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITE = /^([+-]?)inf(inity)?$/i;

/** What C's strtod makes of the whole text, without blanks. Undefined: not a number, NaN, or one that overflows or would be taken for nothing. -0 is 0. */
export function parseDouble(text: string): number | undefined {
  if (DECIMAL.test(text)) {
    const value = Number(text);
    if (!Number.isFinite(value)) return undefined;
    if (value === 0) return /[1-9]/.test(text.split(/e/i, 1)[0]) ? undefined : 0;
    return value;
  }
  const infinite = INFINITE.exec(text);
  if (infinite !== null) return infinite[1] === "-" ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  return parseHexadecimal(text);
}

function parseHexadecimal(text: string): number | undefined {
  const parts = HEXADECIMAL.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole, fraction = "", power = "0"] = parts;
  if (whole + fraction === "") return undefined;
  const magnitude = Number(BigInt(`0x${whole}${fraction}`));
  const value = magnitude * 2 ** (Number(power) - fraction.length * 4);
  if (!Number.isFinite(value) || (value === 0 && magnitude !== 0)) return undefined;
  return sign === "-" && value !== 0 ? -value : value;
}

/** Throws the usual refusal, or the one given. */
export function float(text: string, refusal = NOT_A_FLOAT): number {
  const value = parseDouble(text);
  if (value === undefined) throw new CommandError(refusal);
  return value;
}

const SIGNIFICANT_DIGITS = 17;

/** As `%.17g` of C writes it, and so Redis 7.0: 1.1 is 1.1000000000000001. */
export function formatDouble(value: number): string {
  if (value === 0) return "0";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (Number.isSafeInteger(value)) return String(value);
  const [mantissa, power] = significant(value).split("e");
  const exponent = Number(power);
  if (exponent >= -4 && exponent < SIGNIFICANT_DIGITS) return withoutZeros(plain(mantissa, exponent));
  const sign = exponent < 0 ? "-" : "+";
  return `${withoutZeros(mantissa)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}

/** To 17 digits, ties to even as C has it: JavaScript takes the larger of two that are equally near. */
function significant(value: number): string {
  const rounded = value.toExponential(SIGNIFICANT_DIGITS - 1);
  const [digits, power] = value.toExponential(SIGNIFICANT_DIGITS + 20).split("e");
  const cut = digits.length - 21;
  if (!/^50*$/.test(digits.slice(cut)) || "13579".includes(digits[cut - 1])) return rounded;
  return `${digits.slice(0, cut)}e${power}`;
}

/** The number that mantissa and exponent make, written without one. */
function plain(mantissa: string, exponent: number): string {
  const sign = mantissa.startsWith("-") ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1);
  const fraction = digits.slice(exponent + 1);
  return `${sign}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

function withoutZeros(decimal: string): string {
  return decimal.includes(".") ? decimal.replace(/\.?0+$/, "") : decimal;
}
