// From method and path to a handler. A path that is known under other methods only is 405, another 404.
import findMyWay, { type HTTPMethod } from "find-my-way";
import type { Operation } from "./access/operations.ts";
import { ApiError, BareStatusError } from "./errors.ts";
import { type Handler, ROUTES } from "./routes.ts";

const METHODS: readonly HTTPMethod[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
/** A stream name of 512 bytes, each percent-encoded. */
const MAX_PARAMETER_LENGTH = 3 * 512;

export interface Route {
  readonly handler: Handler;
  readonly operation: Operation;
  /** As in the table of routes. */
  readonly pattern: string;
  readonly params: Readonly<Record<string, string | undefined>>;
}

export class Router {
  readonly #routes = findMyWay({ maxParamLength: MAX_PARAMETER_LENGTH, caseSensitive: true });

  constructor() {
    for (const route of ROUTES) {
      // The router keeps handlers and never calls them: they take a parsed request.
      this.#routes.on(METHODS.find((known) => known === route[0]) ?? "GET", route[1], () => undefined, route);
    }
  }

  /** `path` without query. Errors: `bad_path`, BareStatusError 404 and 405. */
  route(method: string, path: string): Route {
    const known = METHODS.find((each) => each === method);
    // A name is not empty, and a slash in it is encoded.
    if (path.endsWith("/")) throw new BareStatusError(404);
    if (!isDecodable(path)) throw new ApiError("bad_path", "the path is not percent-encoded UTF-8");
    const found = known === undefined ? null : this.#routes.find(known, path);
    if (found !== null && found.store !== null) {
      // The store of a route is its line in the table, put there above.
      const [, pattern, operation, handler] = found.store as (typeof ROUTES)[number];
      return { handler, operation, pattern, params: found.params };
    }
    const allowed = METHODS.filter((each) => this.#routes.find(each, path) !== null);
    throw allowed.length > 0 ? new BareStatusError(405, { allow: allowed.join(", ") }) : new BareStatusError(404);
  }
}

function isDecodable(path: string): boolean {
  if (!path.includes("%")) return true;
  try {
    decodeURIComponent(path);
    return true;
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}
