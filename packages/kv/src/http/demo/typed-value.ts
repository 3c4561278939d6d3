// The typed values of the S2 KV demo (github.com/s2-streamstore/s2-kv-demo): `{"Int": 5}` and the like. Reads them exactly,
// 64-bit integers included, and writes each in one form: maps by key, sets in order and without duplicates, as the demo has them.
import { isUtf8 } from "node:buffer";
import { isObject } from "../json.ts";

export class NotTypedError extends Error {}

/** Deeper ones are refused: whoever reads them has a stack, too. */
const MAX_DEPTH = 64;

const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;
const MAX_UINT64 = 2n ** 64n - 1n;

/** In the order in which values of different types stand in a set. */
const TYPES = ["Bool", "Float", "Int", "List", "Map", "Set", "Str", "UInt"] as const;
type TypeName = (typeof TYPES)[number];

interface Typed {
  readonly type: TypeName;
  readonly value: boolean | number | bigint | string | readonly Typed[] | readonly (readonly [string, Typed])[];
}

/** A number of JSON as it was written. */
class Digits {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
// The types that come with TypeScript do not know of a reviver's third parameter yet.
const parseWithSource = JSON.parse as unknown as (text: string, reviver: Reviver) => unknown;

/** JSON with its numbers as they were written. Throws `NotTypedError`. */
export function parseExactly(body: Buffer): unknown {
  if (!isUtf8(body)) throw new NotTypedError("it is no UTF-8");
  try {
    return parseWithSource(body.toString("utf8"), (_key, value, { source }) =>
      typeof value === "number" && source !== undefined ? new Digits(source) : value,
    );
  } catch (error) {
    throw new NotTypedError(error instanceof RangeError ? "it is too deep" : `it is no JSON: ${String(error)}`);
  }
}

/** The one form of a value that `parseExactly` read. Throws `NotTypedError`. */
export function canonical(value: unknown): string {
  return written(typed(value, 0));
}

function typed(value: unknown, depth: number): Typed {
  if (depth > MAX_DEPTH) throw new NotTypedError(`a value may be ${MAX_DEPTH} deep`);
  const [[type, content] = [], ...others] = isObject(value) && !(value instanceof Digits) ? Object.entries(value) : [];
  if (type === undefined || others.length > 0) throw new NotTypedError('a value is an object such as {"Str": "text"}');
  switch (type) {
    case "Bool":
      if (typeof content === "boolean") return { type, value: content };
      break;
    case "Str":
      if (typeof content === "string" && content.isWellFormed()) return { type, value: content };
      break;
    case "Float":
      if (content instanceof Digits && Number.isFinite(Number(content.text))) {
        return { type, value: Number(content.text) };
      }
      break;
    case "Int":
      return { type, value: integer(content, MIN_INT64, MAX_INT64) };
    case "UInt":
      return { type, value: integer(content, 0n, MAX_UINT64) };
    case "List":
      if (Array.isArray(content)) return { type, value: content.map((item) => typed(item, depth + 1)) };
      break;
    case "Set":
      if (Array.isArray(content)) return { type, value: distinct(content.map((item) => typed(item, depth + 1))) };
      break;
    case "Map":
      if (isObject(content) && !(content instanceof Digits)) {
        const entries = Object.entries(content).map(([key, item]) => [key, typed(item, depth + 1)] as const);
        return { type, value: entries.sort(([a], [b]) => byText(a, b)) };
      }
      break;
    default:
      throw new NotTypedError(`there is no type ${JSON.stringify(type)}`);
  }
  throw new NotTypedError(`this is no ${type}`);
}

function integer(content: unknown, min: bigint, max: bigint): bigint {
  if (content instanceof Digits && /^-?\d{1,20}$/.test(content.text)) {
    const value = BigInt(content.text);
    if (value >= min && value <= max) return value;
  }
  throw new NotTypedError(`an integer is from ${min} to ${max}`);
}

function distinct(items: Typed[]): Typed[] {
  return items.sort(compare).filter((item, i) => i === 0 || compare(items[i - 1], item) !== 0);
}

function compare(a: Typed, b: Typed): number {
  if (a.type !== b.type) return TYPES.indexOf(a.type) - TYPES.indexOf(b.type);
  if (typeof a.value === "string") return byText(a.value, b.value as string);
  if (!Array.isArray(a.value)) return a.value < b.value ? -1 : a.value > b.value ? 1 : 0;
  const [left, right] = [a.value, b.value as readonly unknown[]];
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    const order =
      a.type === "Map" ? compareEntries(left[i], right[i] as [string, Typed]) : compare(left[i], right[i] as Typed);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

function compareEntries([leftKey, left]: [string, Typed], [rightKey, right]: [string, Typed]): number {
  return byText(leftKey, rightKey) || compare(left, right);
}

/** By the bytes of UTF-8. */
function byText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function written({ type, value }: Typed): string {
  return `{"${type}":${contentOf(type, value)}}`;
}

function contentOf(type: TypeName, value: Typed["value"]): string {
  if (type === "Map") {
    const entries = value as readonly (readonly [string, Typed])[];
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${written(item)}`).join(",")}}`;
  }
  if (Array.isArray(value)) return `[${(value as readonly Typed[]).map(written).join(",")}]`;
  if (type === "Float") return floatText(value as number);
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}

/** So that it is read as a float everywhere. */
function floatText(value: number): string {
  const text = Object.is(value, -0) ? "-0" : String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
