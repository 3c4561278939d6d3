// The shapes of the API's bodies, as JSON Schema: what `/v1/openapi.json` names under components. Data only.

export type Schema = Readonly<Record<string, unknown>>;

const string = { type: "string" } as const;
const boolean = { type: "boolean" } as const;
const u64 = { type: "integer", minimum: 0, description: "An unsigned 64-bit integer." } as const;
const time = { type: "string", format: "date-time" } as const;

export function ref(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` };
}

function nullable(schema: Schema): Schema {
  return { anyOf: [schema, { type: "null" }] };
}

function list(items: Schema): Schema {
  return { type: "array", items };
}

/** An object with no other fields than these. Those in `optional` may be left out. */
function object(fields: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema {
  const required = Object.keys(fields).filter((name) => !optional.includes(name));
  return { type: "object", properties: fields, required, additionalProperties: false };
}

/** What a client sends: anything may be left out but `required`, and unknown fields are ignored. */
function input(fields: Readonly<Record<string, Schema>>, required: readonly string[] = []): Schema {
  return { type: "object", properties: fields, required };
}

const streamConfig = {
  storage_class: string,
  retention_policy: {
    oneOf: [
      object({ age: { type: "integer", minimum: 1, description: "Seconds." } }),
      object({ infinite: { type: "object" } }),
    ],
  },
  timestamping: object({
    mode: nullable({ type: "string", enum: ["client-prefer", "client-require", "arrival"] }),
    uncapped: nullable(boolean),
  }),
  delete_on_empty: object({ min_age_secs: { type: "integer", minimum: 0, description: "0 is off." } }),
} as const;

const basinConfig = {
  default_stream_config: object({
    storage_class: string,
    retention_policy: nullable(streamConfig.retention_policy),
    timestamping: nullable(streamConfig.timestamping),
    delete_on_empty: nullable(streamConfig.delete_on_empty),
  }),
  stream_cipher: nullable(ref("Cipher")),
  create_stream_on_append: boolean,
  create_stream_on_read: boolean,
} as const;

const streamConfigInput = input({
  storage_class: nullable(string),
  retention_policy: nullable(streamConfig.retention_policy),
  timestamping: nullable(
    input({
      mode: nullable({ type: "string", enum: ["client-prefer", "client-require", "arrival"] }),
      uncapped: nullable(boolean),
    }),
  ),
  delete_on_empty: nullable(input({ min_age_secs: nullable({ type: "integer", minimum: 0 }) })),
});

const basinConfigInput = input({
  default_stream_config: nullable(ref("StreamConfigInput")),
  stream_cipher: nullable(ref("Cipher")),
  create_stream_on_append: nullable(boolean),
  create_stream_on_read: nullable(boolean),
});

const header = {
  type: "array",
  prefixItems: [string, string],
  minItems: 2,
  maxItems: 2,
  description: "Name and value. An empty name makes a command record of `fence` or `trim`.",
} as const;

const points = list({
  type: "array",
  prefixItems: [{ type: "integer" }, { type: "number" }],
  minItems: 2,
  maxItems: 2,
});

export const SCHEMAS: Readonly<Record<string, Schema>> = {
  Error: object({ code: string, message: string }),
  ConditionFailed: {
    oneOf: [object({ seq_num_mismatch: u64 }), object({ fencing_token_mismatch: string })],
    description: "What the next sequence number, or the fencing token, really is.",
  },
  Position: object({ seq_num: u64, timestamp: u64 }),
  Tail: object({ tail: ref("Position") }),
  Cipher: { type: "string", enum: ["aegis-256", "aes-256-gcm"] },
  StreamConfig: object(streamConfig),
  StreamConfigInput: streamConfigInput,
  BasinConfig: object(basinConfig),
  BasinConfigInput: basinConfigInput,
  BasinInfo: object({
    name: string,
    location: nullable(string),
    created_at: time,
    deleted_at: nullable(time),
    state: { type: "string", enum: ["active", "deleting"], description: "Deprecated: see deleted_at." },
  }),
  BasinPage: object({ basins: list(ref("BasinInfo")), has_more: boolean }),
  CreateBasin: input({ basin: string, config: nullable(ref("BasinConfigInput")), location: nullable(string) }, [
    "basin",
  ]),
  EnsureBasin: input({ config: nullable(ref("BasinConfigInput")), location: nullable(string) }),
  StreamInfo: object({ name: string, created_at: time, deleted_at: nullable(time), cipher: nullable(ref("Cipher")) }),
  StreamPage: object({ streams: list(ref("StreamInfo")), has_more: boolean }),
  CreateStream: input({ stream: string, config: nullable(ref("StreamConfigInput")) }, ["stream"]),
  AppendRecord: input({ timestamp: nullable(u64), headers: list(header), body: string }),
  AppendInput: input(
    { records: list(ref("AppendRecord")), match_seq_num: nullable(u64), fencing_token: nullable(string) },
    ["records"],
  ),
  AppendAck: object({ start: ref("Position"), end: ref("Position"), tail: ref("Position") }),
  Record: object({ seq_num: u64, timestamp: u64, headers: list(header), body: string }, ["headers", "body"]),
  ReadBatch: object({ records: list(ref("Record")), tail: ref("Position") }, ["tail"]),
  ResourceSet: { oneOf: [object({ exact: string }), object({ prefix: string })] },
  ReadWrite: object({ read: boolean, write: boolean }),
  Scope: object({
    basins: nullable(ref("ResourceSet")),
    streams: nullable(ref("ResourceSet")),
    access_tokens: nullable(ref("ResourceSet")),
    op_groups: object({ account: ref("ReadWrite"), basin: ref("ReadWrite"), stream: ref("ReadWrite") }),
    ops: list(string),
  }),
  AccessTokenInfo: object({
    id: string,
    expires_at: nullable(time),
    auto_prefix_streams: boolean,
    scope: ref("Scope"),
  }),
  AccessTokenPage: object({ access_tokens: list(ref("AccessTokenInfo")), has_more: boolean }),
  IssueAccessToken: input(
    { id: string, scope: { type: "object" }, auto_prefix_streams: nullable(boolean), expires_at: nullable(time) },
    ["id", "scope"],
  ),
  IssuedAccessToken: object({ access_token: string }),
  Location: object({
    name: string,
    is_private: boolean,
    storage_classes: list(string),
    default_storage_class: string,
  }),
  Locations: list(ref("Location")),
  LocationName: string,
  Metrics: object({ values: list(ref("Metric")) }),
  Metric: {
    oneOf: [
      object({
        accumulation: object({
          name: string,
          unit: string,
          interval: { type: "string", enum: ["minute", "hour", "day"] },
          values: points,
        }),
      }),
      object({ gauge: object({ name: string, unit: string, values: points }) }),
      object({ label: object({ name: string, values: list(string) }) }),
    ],
  },
};
