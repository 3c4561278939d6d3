// Cross-origin requests from browsers: origin, method and headers are mirrored, credentials allowed.

type Header = (name: string) => string | undefined;

const EXPOSED = "s2-provision-result, retry-after-ms";

/** Headers for an answer to a request from another origin; none without an Origin. */
export function corsHeaders(header: Header): Record<string, string> | undefined {
  const origin = header("origin");
  if (origin === undefined) return undefined;
  return {
    "access-control-allow-origin": origin,
    "access-control-allow-credentials": "true",
    "access-control-expose-headers": EXPOSED,
    vary: "origin, access-control-request-method, access-control-request-headers",
  };
}

/** Headers for a preflight. */
export function preflightHeaders(header: Header): Record<string, string> {
  const headers = corsHeaders(header) ?? {};
  const method = header("access-control-request-method");
  const names = header("access-control-request-headers");
  if (method !== undefined) headers["access-control-allow-methods"] = method;
  if (names !== undefined) headers["access-control-allow-headers"] = names;
  return headers;
}
