// Query parameters with the API's types. Unknown ones are ignored; what does not parse is `bad_query`.
import { ApiError } from "./errors.ts";

const U64_MAX = 0xffff_ffff_ffff_ffffn;
const AMPERSAND = 0x26;
const EQUALS = 0x3d;
/** So many digits are below 2^53. */
const EXACT_DIGITS = 15;

export class Query {
  readonly #text: string;
  #parameters: URLSearchParams | undefined;

  /** `text` is what follows the question mark; undefined where there is none. */
  constructor(text: string | undefined) {
    this.#text = text ?? "";
  }

  /** The first value of a parameter. */
  string(name: string): string | undefined {
    const text = this.#text;
    if (text === "") return undefined;
    // Queries of numbers and words are looked through as they are.
    if (!text.includes("%") && !text.includes("+")) return plainParameter(text, name);
    this.#parameters ??= new URLSearchParams(text);
    return this.#parameters.get(name) ?? undefined;
  }

  u64(name: string): bigint | undefined {
    const text = this.#digits(name);
    if (text === undefined) return undefined;
    const value = BigInt(text);
    if (value > U64_MAX) throw new ApiError("bad_query", `"${name}" must be below 2^64`);
    return value;
  }

  /** A u64 that saturates at Number.MAX_SAFE_INTEGER, which no count of ours ever reaches. */
  count(name: string): number | undefined {
    const text = this.#digits(name);
    if (text === undefined) return undefined;
    if (text.length <= EXACT_DIGITS) return Number(text);
    const value = this.u64(name) ?? 0n;
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  #digits(name: string): string | undefined {
    const text = this.string(name);
    if (text !== undefined && !/^[0-9]{1,20}$/.test(text))
      throw new ApiError("bad_query", `"${name}" must be an unsigned integer`);
    return text;
  }

  boolean(name: string): boolean | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    if (text === "true") return true;
    if (text === "false") return false;
    throw new ApiError("bad_query", `"${name}" must be true or false`);
  }
}

function plainParameter(text: string, name: string): string | undefined {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    if (at > 0 && text.charCodeAt(at - 1) !== AMPERSAND) continue;
    const after = at + name.length;
    const end = text.indexOf("&", after);
    const whole = end < 0 ? text.length : end;
    if (after === whole) return "";
    if (text.charCodeAt(after) === EQUALS) return text.slice(after + 1, whole);
  }
  return undefined;
}
