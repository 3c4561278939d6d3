// Each operation of the HTTP API: what it takes, and what it answers.
import type { ErrorCode } from "../errors.ts";
import type { Method } from "../routes.ts";
import type { ParameterName } from "./parameters.ts";

type Content = readonly [type: string, schema: object];

export interface OperationDescription {
  readonly id: string;
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly parameters: readonly ParameterName[];
  readonly request?: Content;
  readonly status: number;
  readonly response: Content;
  readonly headers?: Readonly<Record<string, string>>;
  /** Beside those of every operation. */
  readonly errors: readonly ErrorCode[];
  /** Refusals look like the S2 KV demo's. */
  readonly demo?: boolean;
}

const BYTES: Content = ["*/*", { type: "string", format: "binary" }];
const WRITE_ERRORS = ["wrong_type", "too_large", "out_of_memory", "outcome_unknown", "result_unknown"] as const;

function schema(name: string): Content {
  return ["application/json", { $ref: `#/components/schemas/${name}` }];
}

export const OPERATIONS: readonly OperationDescription[] = [
  {
    id: "get-value",
    method: "GET",
    path: "/v1/keys/{key}",
    summary: "A key's value, with the content type that it was set with. 304 where If-None-Match names its revision.",
    parameters: ["key", "consistency", "at_least", "if-match", "if-none-match"],
    status: 200,
    response: BYTES,
    headers: {
      etag: "The revision, in quotes.",
      "tailrace-revision": "Of the state that was read.",
      "tailrace-expires-at-ms": "By the log's time, in milliseconds since the epoch; absent where it does not expire.",
    },
    errors: ["key_not_found", "wrong_type", "precondition_failed"],
  },
  {
    id: "put-value",
    method: "PUT",
    path: "/v1/keys/{key}",
    summary: "Sets a key to the bytes of the body, and its content type to that of the request.",
    parameters: ["key", "ttl_ms", "if-match", "if-none-match"],
    request: BYTES,
    status: 200,
    response: schema("Written"),
    headers: { etag: "The new revision, in quotes." },
    errors: ["precondition_failed", "request_timeout", ...WRITE_ERRORS],
  },
  {
    id: "delete-value",
    method: "DELETE",
    path: "/v1/keys/{key}",
    summary: "Removes a key, and tells whether it was there.",
    parameters: ["key", "if-match", "if-none-match"],
    status: 200,
    response: schema("Deleted"),
    errors: ["precondition_failed", ...WRITE_ERRORS],
  },
  {
    id: "key-history",
    method: "GET",
    path: "/v1/keys/{key}/history",
    summary: "What a key was, the newest first, as far back as this replica remembers.",
    parameters: ["key", "limit", "before", "consistency", "at_least"],
    status: 200,
    response: schema("KeyHistory"),
    errors: [],
  },
  {
    id: "list-keys",
    method: "GET",
    path: "/v1/keys",
    summary: "Keys in the order of their bytes, a page at a time.",
    parameters: ["prefix", "start", "start_after", "end", "limit", "values", "consistency", "at_least"],
    status: 200,
    response: schema("KeyPage"),
    errors: [],
  },
  {
    id: "transact",
    method: "POST",
    path: "/v1/transactions",
    summary: "Does the one or the other, atomically, as comparisons tell.",
    parameters: [],
    request: schema("Transaction"),
    status: 200,
    response: schema("TransactionResult"),
    errors: ["request_timeout", ...WRITE_ERRORS],
  },
  {
    id: "watch",
    method: "GET",
    path: "/v1/watch",
    summary:
      "Changes as they happen: server-sent events `ready`, `changes` (their data is a Changes) and `error`, whose ids are revisions.",
    parameters: ["prefix", "from", "last-event-id"],
    status: 200,
    response: ["text/event-stream", { $ref: "#/components/schemas/Changes" }],
    errors: ["revision_gone"],
  },
  {
    id: "demo-put",
    method: "PUT",
    path: "/api",
    summary: "As the S2 KV demo: sets a key to a typed value.",
    parameters: [],
    request: schema("DemoRequest"),
    status: 200,
    response: schema("DemoWritten"),
    errors: ["request_timeout", ...WRITE_ERRORS],
    demo: true,
  },
  {
    id: "demo-delete",
    method: "DELETE",
    path: "/api",
    summary: "As the S2 KV demo: removes a key.",
    parameters: ["key_parameter"],
    status: 200,
    response: schema("DemoWritten"),
    errors: WRITE_ERRORS,
    demo: true,
  },
  ...(["Strong", "Eventual"] as const).map(
    (consistency): OperationDescription => ({
      id: `demo-get-${consistency.toLowerCase()}`,
      method: "GET",
      path: `/api/${consistency}`,
      summary: "As the S2 KV demo: a typed value. 404 with `Missing` where the key is not there.",
      parameters: ["key_parameter"],
      status: 200,
      response: schema("DemoFound"),
      errors: ["key_not_found", "wrong_type"],
      demo: true,
    }),
  ),
];
