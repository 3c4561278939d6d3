// What a request is aimed at: the segments of its path and its parameters, as binary strings. Percent-encoding is the only one,
// in both; any bytes can be written with it.
import { badRequest } from "./errors.ts";

export class Target {
  /** Without the first slash: `/v1/keys/a%2Fb` has three. */
  readonly segments: readonly string[];
  readonly #parameters = new Map<string, string>();

  /** Throws `ApiError` for what is no target, and for a parameter twice. */
  constructor(url: string) {
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    if (!path.startsWith("/")) throw badRequest("the request's target is no path");
    this.segments = path.slice(1).split("/").map(decoded);
    for (const pair of mark < 0 ? [] : url.slice(mark + 1).split("&")) {
      if (pair === "") continue;
      const equals = pair.indexOf("=");
      const name = decoded(equals < 0 ? pair : pair.slice(0, equals));
      if (this.#parameters.has(name)) throw badRequest(`the parameter ${JSON.stringify(name)} is given twice`);
      // As forms do it, a plus is a blank: a real one is written %2B.
      this.#parameters.set(name, equals < 0 ? "" : decoded(pair.slice(equals + 1).replaceAll("+", " ")));
    }
  }

  /** Throws `ApiError` where there are others. */
  only(...names: readonly string[]): void {
    for (const name of this.#parameters.keys()) {
      if (!names.includes(name)) throw badRequest(`there is no parameter ${JSON.stringify(name)} here`);
    }
  }

  text(name: string): string | undefined {
    return this.#parameters.get(name);
  }

  /** A natural number within bounds. Throws `ApiError`. */
  number(name: string, min: number, max: number): number | undefined {
    const text = this.#parameters.get(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!/^\d{1,16}$/.test(text) || value < min || value > max) {
      throw badRequest(`${name} must be a number from ${min} to ${max}`);
    }
    return value;
  }

  flag(name: string): boolean {
    const text = this.#parameters.get(name);
    if (text === undefined || text === "false") return false;
    if (text === "true" || text === "") return true;
    throw badRequest(`${name} must be true or false`);
  }
}

/** Percent-encoding undone: what else there is stays as its bytes. */
function decoded(text: string): string {
  if (!text.includes("%")) return text;
  return text.replace(/%(..?)?/gs, (written, digits: string | undefined) => {
    if (digits === undefined || !/^[0-9a-f]{2}$/i.test(digits))
      throw badRequest(`${JSON.stringify(written)} is no percent-encoding`);
    return String.fromCharCode(Number.parseInt(digits, 16));
  });
}
