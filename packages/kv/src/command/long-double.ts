// Sums as INCRBYFLOAT makes them: in the 80-bit floats of x86, of which Redis's replies show 17 decimals. Exact integers stand
// for mantissas, so that every replica, on any machine, computes the same digits.
import { CommandError, NOT_A_FLOAT } from "./errors.ts";
import { parseDouble } from "./numbers.ts";

/** `mantissa` × 2^`exponent`, with up to 64 bits of mantissa. */
interface LongDouble {
  readonly mantissa: bigint;
  readonly exponent: number;
}

const MANTISSA_BITS = 64;
/** Beyond 2^16384 is infinity; below 2^-16445 nothing. */
const MAX_EXPONENT = 16_384;
const MIN_EXPONENT = -16_445;
/** Decimals shown. */
const DECIMALS = 17;

const DECIMAL = /^([+-]?)(?:([0-9]+)\.?([0-9]*)|\.([0-9]+))(?:[eE]([+-]?[0-9]{1,9}))?$/;
const INFINITE = /^[+-]?inf(?:inity)?$/i;
/** More digits than any 80-bit float tells apart, and few enough to compute with. */
const MAX_CHARACTERS = 5_000;

/** The sum of two numbers in decimal, as decimal. Throws `CommandError` for what is no number, and for a sum that is none. */
export function addLongDoubles(first: string, second: string): string {
  const infinite = [first, second].some((text) => INFINITE.test(text));
  const a = infinite && INFINITE.test(first) ? undefined : parse(first);
  const b = infinite && INFINITE.test(second) ? undefined : parse(second);
  if (a === undefined || b === undefined) throw infiniteSum();
  const exponent = Math.min(a.exponent, b.exponent);
  const sum = rounded(shifted(a, exponent) + shifted(b, exponent), 1n, exponent);
  if (isTooLarge(sum)) throw infiniteSum();
  return format(sum);
}

function infiniteSum(): CommandError {
  return new CommandError("ERR increment would produce NaN or Infinity");
}

function shifted({ mantissa, exponent }: LongDouble, to: number): bigint {
  return mantissa << BigInt(exponent - to);
}

function parse(text: string): LongDouble {
  const match = text.length > MAX_CHARACTERS ? null : DECIMAL.exec(text);
  if (match === null) return parseHexadecimal(text);
  const [, sign, whole = "", fraction = "", bare = "", power = "0"] = match;
  const decimals = fraction + bare;
  const magnitude = BigInt(whole + decimals || "0");
  const scale = Number(power) - decimals.length;
  if (magnitude === 0n) return { mantissa: 0n, exponent: 0 };
  // As strtold: what is out of range is no number.
  const digits = String(magnitude).length + scale;
  if (digits > 4_933 || digits < -4_951) throw new CommandError(NOT_A_FLOAT);
  const signed = sign === "-" ? -magnitude : magnitude;
  const value = scale >= 0 ? rounded(signed * 10n ** BigInt(scale), 1n, 0) : rounded(signed, 10n ** BigInt(-scale), 0);
  if (isTooLarge(value)) throw new CommandError(NOT_A_FLOAT);
  return value;
}

/** Also what C reads that way. */
function parseHexadecimal(text: string): LongDouble {
  const value = text.length > MAX_CHARACTERS ? undefined : parseDouble(text);
  if (value === undefined || !Number.isFinite(value)) throw new CommandError(NOT_A_FLOAT);
  let exponent = 0;
  let whole = value;
  // Doubling loses nothing, and comes to an integer within the exponents of doubles.
  while (!Number.isInteger(whole)) {
    whole *= 2;
    exponent -= 1;
  }
  return { mantissa: BigInt(whole), exponent };
}

function isTooLarge({ mantissa, exponent }: LongDouble): boolean {
  return mantissa !== 0n && bitsOf(mantissa) + exponent > MAX_EXPONENT;
}

function bitsOf(value: bigint): number {
  return (value < 0n ? -value : value).toString(2).length;
}

/** The nearest to `numerator` / `denominator` × 2^`exponent`, ties to even. */
function rounded(numerator: bigint, denominator: bigint, exponent: number): LongDouble {
  if (numerator === 0n) return { mantissa: 0n, exponent: 0 };
  const negative = numerator < 0n;
  let n = negative ? -numerator : numerator;
  let d = denominator;
  // So that the quotient has one bit more than a mantissa, or two.
  const surplus = bitsOf(n) - bitsOf(d) - (MANTISSA_BITS + 1);
  const shift = Math.max(surplus, MIN_EXPONENT - exponent);
  if (shift >= 0) d <<= BigInt(shift);
  else n <<= BigInt(-shift);
  let quotient = n / d;
  let exact = n % d === 0n;
  let power = exponent + shift;
  for (let excess = bitsOf(quotient) - MANTISSA_BITS; excess > 0; excess = bitsOf(quotient) - MANTISSA_BITS) {
    const half = 1n << BigInt(excess - 1);
    const rest = quotient & ((half << 1n) - 1n);
    quotient >>= BigInt(excess);
    power += excess;
    const up = rest > half || (rest === half && (!exact || (quotient & 1n) === 1n));
    exact = exact && rest === 0n;
    if (up) quotient += 1n;
  }
  return { mantissa: negative ? -quotient : quotient, exponent: power };
}

/** With up to 17 decimals, ties to even, without trailing zeros. */
function format({ mantissa, exponent }: LongDouble): string {
  const negative = mantissa < 0n;
  const scaled = (negative ? -mantissa : mantissa) * 10n ** BigInt(DECIMALS);
  const digits = String(exponent >= 0 ? scaled << BigInt(exponent) : halfEven(scaled, BigInt(-exponent)));
  const padded = digits.padStart(DECIMALS + 1, "0");
  const fraction = padded.slice(-DECIMALS).replace(/0+$/, "");
  const text = padded.slice(0, -DECIMALS) + (fraction === "" ? "" : `.${fraction}`);
  return negative && text !== "0" ? `-${text}` : text;
}

function halfEven(value: bigint, bits: bigint): bigint {
  const half = 1n << (bits - 1n);
  const rest = value & ((half << 1n) - 1n);
  const quotient = value >> bits;
  return rest > half || (rest === half && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
}
