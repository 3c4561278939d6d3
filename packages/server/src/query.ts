// Query parameters with the API's types. Unknown ones are ignored; what does not parse is `bad_query`.
import { ApiError } from "./errors.ts";

const U64_MAX = 0xffff_ffff_ffff_ffffn;
const NO_PARAMETERS = new URLSearchParams();

export class Query {
  readonly #parameters: URLSearchParams;

  /** `text` is what follows the question mark; undefined where there is none. */
  constructor(text: string | undefined) {
    this.#parameters = text === undefined || text === "" ? NO_PARAMETERS : new URLSearchParams(text);
  }

  string(name: string): string | undefined {
    return this.#parameters.get(name) ?? undefined;
  }

  u64(name: string): bigint | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    if (!/^[0-9]{1,20}$/.test(text)) throw new ApiError("bad_query", `"${name}" must be an unsigned integer`);
    const value = BigInt(text);
    if (value > U64_MAX) throw new ApiError("bad_query", `"${name}" must be below 2^64`);
    return value;
  }

  /** A u64 that saturates at Number.MAX_SAFE_INTEGER, which no count of ours ever reaches. */
  count(name: string): number | undefined {
    const value = this.u64(name);
    if (value === undefined) return undefined;
    return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
  }

  boolean(name: string): boolean | undefined {
    const text = this.string(name);
    if (text === undefined) return undefined;
    if (text === "true") return true;
    if (text === "false") return false;
    throw new ApiError("bad_query", `"${name}" must be true or false`);
  }
}
