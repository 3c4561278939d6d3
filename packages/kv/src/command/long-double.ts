// Numbers as INCRBYFLOAT and HINCRBYFLOAT know them: Redis keeps them in the x87 format (64 bits of mantissa) and writes them
// with 17 decimals, less the zeros at the end. Doubles would answer 0.30000000000000004 where it answers 0.3. Exact integers
// here, rounded where the format rounds, so that every replica, on any machine, computes the same digits.
import { CommandError, NOT_A_FLOAT } from "./errors.ts";

const MANTISSA_BITS = 64;
/** The binary exponent of the largest finite number, and of half the smallest one, which rounds to nothing. */
const MAX_EXPONENT = 16_383;
const MIN_EXPONENT = -16_446;
/** Decimal exponents beyond this need no arithmetic: they overflow or underflow. */
const MAX_DECIMAL_EXPONENT = 20_000;
/** As Redis bounds its buffer. */
const MAX_CHARS = 5 * 1024;
const DECIMALS = 17;

/** `mantissa × 2^exponent`, the mantissa of at most 64 bits and a sign. */
interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?$/i;
const HEXADECIMAL = /^([+-]?)0x([\da-f]*)(?:\.([\da-f]*))?(?:p([+-]?\d+))?$/i;
const INFINITE = /^[+-]?inf(inity)?$/i;

/**
 * The sum of two numbers as text. Throws `CommandError` for what is no number, and for a sum that is infinite or beyond what the
 * format holds.
 */
export function addLongDoubles(first: string, second: string): string {
  const [a, b] = [parse(first), parse(second)];
  if (a === undefined || b === undefined) throw new CommandError(NOT_A_FLOAT);
  const sum = a === "infinite" || b === "infinite" ? undefined : add(a, b);
  if (sum === undefined) throw new CommandError("ERR increment would produce NaN or Infinity");
  return format(sum);
}

/** Infinite ones are. */
export function isLongDouble(text: string): boolean {
  return parse(text) !== undefined;
}

export function isInfinite(text: string): boolean {
  return INFINITE.test(text);
}

/** Undefined: not a number, or beyond what the format holds. */
function parse(text: string): LongDouble | "infinite" | undefined {
  if (text.length === 0 || text.length >= MAX_CHARS) return undefined;
  if (INFINITE.test(text)) return "infinite";
  const hexadecimal = HEXADECIMAL.exec(text);
  const parts = hexadecimal ?? DECIMAL.exec(text);
  if (parts === null) return undefined;
  const [, sign, whole, fraction = "", exponent = "0"] = parts;
  const digits = whole + fraction;
  if (digits.length === 0) return undefined;
  const magnitude = BigInt(hexadecimal === null ? digits : `0x${digits}`);
  if (magnitude === 0n) return { mantissa: 0n, exponent: 0 };
  const signed = sign === "-" ? -magnitude : magnitude;
  const power = Number(exponent) - fraction.length * (hexadecimal === null ? 1 : 4);
  if (Math.abs(power) > MAX_DECIMAL_EXPONENT + MAX_CHARS * 4) return undefined;
  const rounded =
    hexadecimal !== null
      ? round(signed, 1n, power)
      : power >= 0
        ? round(signed * 10n ** BigInt(power), 1n, 0)
        : round(signed, 10n ** BigInt(-power), 0);
  const top = rounded.exponent + bits(rounded.mantissa) - 1;
  return top > MAX_EXPONENT || top < MIN_EXPONENT ? undefined : rounded;
}

/** Undefined: beyond what the format holds. */
function add(a: LongDouble, b: LongDouble): LongDouble | undefined {
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = (a.mantissa << BigInt(a.exponent - exponent)) + (b.mantissa << BigInt(b.exponent - exponent));
  if (sum === 0n) return { mantissa: 0n, exponent: 0 };
  const rounded = round(sum, 1n, exponent);
  return rounded.exponent + bits(rounded.mantissa) - 1 > MAX_EXPONENT ? undefined : rounded;
}

function format({ mantissa, exponent }: LongDouble): string {
  const scaled = mantissa * 10n ** BigInt(DECIMALS);
  const units = exponent >= 0 ? scaled << BigInt(exponent) : divideRounded(scaled, 1n << BigInt(-exponent));
  const digits = (units < 0n ? -units : units).toString().padStart(DECIMALS + 1, "0");
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, "");
  const whole = digits.slice(0, -DECIMALS);
  return `${units < 0n ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
}

/** `numerator / denominator × 2^exponent`, to 64 bits, ties to even. */
function round(numerator: bigint, denominator: bigint, exponent: number): LongDouble {
  const shift = MANTISSA_BITS - (bits(numerator) - bits(denominator));
  // The quotient has 64 or 65 bits before it is rounded: with 65, once more by one bit less.
  const quotient = divideShifted(numerator, denominator, shift);
  if (bits(quotient) <= MANTISSA_BITS) return { mantissa: quotient, exponent: exponent - shift };
  return { mantissa: divideShifted(numerator, denominator, shift - 1), exponent: exponent - shift + 1 };
}

function divideShifted(numerator: bigint, denominator: bigint, shift: number): bigint {
  return shift >= 0
    ? divideRounded(numerator << BigInt(shift), denominator)
    : divideRounded(numerator, denominator << BigInt(-shift));
}

/** To the nearest, ties to even. */
function divideRounded(numerator: bigint, denominator: bigint): bigint {
  const negative = numerator < 0n;
  const magnitude = negative ? -numerator : numerator;
  const quotient = magnitude / denominator;
  const twice = (magnitude % denominator) * 2n;
  const up = twice > denominator || (twice === denominator && (quotient & 1n) === 1n);
  const rounded = up ? quotient + 1n : quotient;
  return negative ? -rounded : rounded;
}

function bits(value: bigint): number {
  const hex = (value < 0n ? -value : value).toString(16);
  return value === 0n ? 0 : (hex.length - 1) * 4 + (32 - Math.clz32(Number.parseInt(hex[0], 16)));
}
