// The parameters of operations, by name.
import { MAX_TTL_MS } from "../../command/limits.ts";
import { DEFAULT_PAGE_KEYS, MAX_PAGE_KEYS } from "../limits.ts";

const REVISION = { type: "integer", minimum: 0 };

function query(name: string, description: string, schema: object = { type: "string" }, required = false): object {
  return { name, in: "query", description, schema, ...(required ? { required } : {}) };
}

function header(name: string, description: string): object {
  return { name, in: "header", description, schema: { type: "string" } };
}

export const PARAMETERS = {
  key: {
    name: "key",
    in: "path",
    required: true,
    description: "Any bytes, percent-encoded.",
    schema: { type: "string" },
  },
  key_parameter: query("key", "The key.", { type: "string" }, true),
  consistency: query(
    "consistency",
    "strong: everything that was acknowledged before, on any replica. eventual: what this replica has.",
    { enum: ["strong", "eventual"], default: "strong" },
  ),
  at_least: query("at_least", "Instead of consistency: the state at this revision or a later one.", REVISION),
  ttl_ms: query(
    "ttl_ms",
    "Milliseconds to live from when the log has it; `keep`: as long as before. Without it: for good.",
    {
      oneOf: [{ type: "integer", minimum: 1, maximum: MAX_TTL_MS }, { const: "keep" }],
    },
  ),
  "if-match": header("if-match", "Only if the key has one of these revisions, or, with *, is there."),
  "if-none-match": header("if-none-match", "Only if the key has none of these revisions, or, with *, is not there."),
  "last-event-id": header("last-event-id", "As from, which it overrides: where a connection was lost."),
  prefix: query("prefix", "Only keys that begin with these bytes."),
  start: query("start", "From this key on."),
  start_after: query("start_after", "Behind this key: such as the last one of the page before."),
  end: query("end", "Before this key."),
  limit: query("limit", "How many at most.", {
    type: "integer",
    minimum: 1,
    maximum: MAX_PAGE_KEYS,
    default: DEFAULT_PAGE_KEYS,
  }),
  values: query("values", "Whether to show values, too: those of strings.", { type: "boolean", default: false }),
  before: query("before", "Only what happened before this revision.", { ...REVISION, minimum: 1 }),
  from: query("from", "What happened after this revision. Without it: from now on.", REVISION),
} as const;

export type ParameterName = keyof typeof PARAMETERS;
