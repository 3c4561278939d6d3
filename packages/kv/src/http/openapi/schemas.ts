// What bodies look like.
import { ERROR_STATUSES } from "../errors.ts";

const TEXT = { type: "string" };
const FLAG = { type: "boolean" };
const REVISION = { type: "integer", minimum: 0, description: "Grows with every write; names one state of a key." };
const TYPE = { enum: ["string", "hash", "list", "set", "zset"] };
const KEY = { key: TEXT, key_base64: TEXT };
const VALUE = { value: TEXT, value_base64: TEXT };
const ABOUT = { content_type: TEXT, expires_at_ms: { type: "integer" } };
const KEYED = [{ required: ["key"] }, { required: ["key_base64"] }];

function object(properties: Readonly<Record<string, object>>, required: readonly string[], more: object = {}): object {
  return { type: "object", properties, required, additionalProperties: false, ...more };
}

function ref(name: string): object {
  return { $ref: `#/components/schemas/${name}` };
}

function list(items: object): object {
  return { type: "array", items };
}

export const SCHEMAS = {
  Error: object({ code: { enum: Object.keys(ERROR_STATUSES) }, message: TEXT }, ["code", "message"]),
  Written: object({ revision: REVISION }, ["revision"]),
  Deleted: object({ revision: REVISION, deleted: FLAG }, ["revision", "deleted"]),
  KeyPage: object({ keys: list(ref("Key")), has_more: FLAG, revision: REVISION }, ["keys", "has_more", "revision"]),
  Key: object({ ...KEY, type: TYPE, revision: REVISION, ...ABOUT, ...VALUE }, ["type", "revision"], { oneOf: KEYED }),
  KeyHistory: object(
    {
      changes: list(
        object({ revision: REVISION, ...KEY, type: { oneOf: [TYPE, { type: "null" }] }, ...ABOUT, ...VALUE }, [
          "revision",
          "type",
        ]),
      ),
      has_more: FLAG,
      remembered_after: { ...REVISION, description: "Nothing is known of what happened up to this revision." },
      revision: REVISION,
    },
    ["changes", "has_more", "remembered_after", "revision"],
  ),
  Change: object(
    { ...KEY, all_keys: { const: true }, type: { oneOf: [TYPE, { type: "null" }] }, ...ABOUT, ...VALUE },
    ["type"],
    {
      description:
        "What a key has become; type is null where it is gone, and all_keys is there where all keys are. Values are shown of strings.",
      oneOf: [...KEYED, { required: ["all_keys"] }],
    },
  ),
  Changes: object({ revision: REVISION, changes: list(ref("Change")) }, ["revision", "changes"]),
  Transaction: object(
    // biome-ignore lint/suspicious/noThenProperty: a field's name, of an object that nobody awaits.
    { compare: list(ref("Comparison")), then: list(ref("Operation")), else: list(ref("Operation")) },
    [],
    { description: "If all comparisons hold, `then` is done, and otherwise `else`; as a whole or not at all." },
  ),
  Comparison: object(
    { ...KEY, exists: FLAG, revision: REVISION, ...VALUE, is: { enum: ["=", "!=", "<", ">"], default: "=" } },
    [],
    {
      description:
        "One of exists, revision (0 of a key that is not there) and value (by bytes; never holds of a key that is not there, or of another type).",
      oneOf: KEYED,
    },
  ),
  Operation: object(
    {
      op: { enum: ["get", "put", "delete"] },
      ...KEY,
      ...VALUE,
      content_type: TEXT,
      ttl_ms: { oneOf: [{ type: "integer", minimum: 1 }, { const: "keep" }] },
    },
    ["op"],
    { oneOf: KEYED },
  ),
  TransactionResult: object({ succeeded: FLAG, revision: REVISION, results: list(ref("OperationResult")) }, [
    "succeeded",
    "revision",
    "results",
  ]),
  OperationResult: object(
    {
      op: { enum: ["get", "put", "delete"] },
      ...KEY,
      deleted: FLAG,
      found: FLAG,
      revision: REVISION,
      ...ABOUT,
      ...VALUE,
    },
    ["op"],
    { oneOf: KEYED },
  ),
  DemoError: { oneOf: [object({ Error: TEXT }, ["Error"]), object({ Missing: ref("DemoPosition") }, ["Missing"])] },
  DemoPosition: object({ end: { type: "integer", minimum: 0 } }, ["end"]),
  DemoWritten: object({ Ok: ref("DemoPosition") }, ["Ok"]),
  DemoFound: object({ Ok: { type: "array", prefixItems: [ref("DemoPosition"), ref("TypedValue")] } }, ["Ok"]),
  DemoRequest: object({ key: TEXT, value: ref("TypedValue") }, ["key", "value"]),
  TypedValue: {
    oneOf: [
      object({ Bool: FLAG }, ["Bool"]),
      object({ Float: { type: "number" } }, ["Float"]),
      object({ Int: { type: "integer" } }, ["Int"]),
      object({ UInt: { type: "integer", minimum: 0 } }, ["UInt"]),
      object({ Str: TEXT }, ["Str"]),
      object({ List: list(ref("TypedValue")) }, ["List"]),
      object({ Set: list(ref("TypedValue")) }, ["Set"]),
      object({ Map: { type: "object", additionalProperties: ref("TypedValue") } }, ["Map"]),
    ],
  },
} as const;
