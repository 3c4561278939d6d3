// Which handler takes what. Owns the paths.
import { deleteTyped, getTyped, putTyped } from "./demo/demo.ts";
import { ApiError } from "./errors.ts";
import type { Handler } from "./exchange.ts";
import { keyHistory } from "./handlers/key-history.ts";
import { listKeys } from "./handlers/listing.ts";
import { postTransaction } from "./handlers/transaction.ts";
import { deleteValue, getValue, putValue } from "./handlers/value.ts";
import { watchHandler } from "./handlers/watch.ts";
import type { Watches } from "./watches.ts";

export type Method = "GET" | "PUT" | "POST" | "DELETE";

export interface Route {
  readonly method: Method;
  /** `{key}` stands for any one segment that is not empty. */
  readonly path: string;
  readonly handler: Handler;
}

export function routes(watches: Watches): readonly Route[] {
  const watch = watchHandler(watches);
  return [
    { method: "GET", path: "/v1/keys/{key}", handler: getValue },
    { method: "PUT", path: "/v1/keys/{key}", handler: putValue },
    { method: "DELETE", path: "/v1/keys/{key}", handler: deleteValue },
    { method: "GET", path: "/v1/keys/{key}/history", handler: keyHistory },
    { method: "GET", path: "/v1/keys", handler: listKeys },
    { method: "POST", path: "/v1/transactions", handler: postTransaction },
    {
      method: "GET",
      path: "/v1/watch",
      handler: async (exchange) => {
        watches.admit();
        return watch(exchange);
      },
    },
    { method: "PUT", path: "/api", handler: putTyped },
    { method: "DELETE", path: "/api", handler: deleteTyped },
    { method: "GET", path: "/api/Strong", handler: getTyped("strong") },
    { method: "GET", path: "/api/Eventual", handler: getTyped("eventual") },
  ];
}

export interface Routed {
  readonly route: Route;
  readonly key: string;
}

export class Router {
  readonly #routes: readonly (Route & { readonly segments: readonly string[] })[];

  constructor(all: readonly Route[]) {
    this.#routes = all.map((route) => ({ ...route, segments: route.path.slice(1).split("/") }));
  }

  /** Throws `ApiError` where there is none. HEAD is taken by who takes GET. */
  find(method: string, path: readonly string[]): Routed {
    const wanted = method === "HEAD" ? "GET" : method;
    const allowed: string[] = [];
    for (const route of this.#routes) {
      const key = matched(route.segments, path);
      if (key === undefined) continue;
      if (route.method === wanted) return { route, key };
      allowed.push(route.method);
    }
    if (allowed.length === 0) throw new ApiError("not_found", "there is nothing at this path");
    throw new ApiError("method_not_allowed", `${method} is not for this path`, { allow: allowed.join(", ") });
  }
}

/** The key, empty where the route has none; undefined where the path is another. */
function matched(segments: readonly string[], path: readonly string[]): string | undefined {
  if (segments.length !== path.length) return undefined;
  let key = "";
  for (const [i, segment] of segments.entries()) {
    if (segment === "{key}" && path[i] !== "") key = path[i];
    else if (segment !== path[i]) return undefined;
  }
  return key;
}
