// The API described for machines, in OpenAPI 3.1: what `/v1/openapi.json` answers, and what docs/api.md is made from in part.
import { DESCRIBED, type OperationDescription } from "./operations.ts";
import { ref, SCHEMAS } from "./schemas.ts";

export const DESCRIPTION_PATH = "/v1/openapi.json";

/** Codes that any operation may answer with. */
const EVERYWHERE = [
  "bad_header",
  "bad_path",
  "bad_query",
  "bad_json",
  "authn",
  "permission_denied",
  "server_draining",
  "unavailable",
];
/** Besides, where a body may come too slowly. */
const WITH_BODY = ["request_timeout", "hot_server"];

/** The path as the router has it: `{basin}` is `:basin`. */
export function routerPath({ path }: OperationDescription): string {
  return path.replaceAll(/\{([a-z]+)\}/g, ":$1");
}

export function codesOf({ body, errors }: OperationDescription): readonly string[] {
  return [...new Set([...EVERYWHERE, ...(body === undefined ? [] : WITH_BODY), ...errors])];
}

function operationObject(operation: OperationDescription): object {
  const { id, tag, summary, description, parameters, body, answers, curl, sdk } = operation;
  const responses: Record<string, object> = {};
  for (const [status, { schema, when }] of Object.entries(answers)) {
    responses[status] =
      schema === null
        ? { description: when }
        : { description: when, content: { "application/json": { schema: ref(schema) } } };
  }
  responses.default = {
    description: `An error: one of ${codesOf(operation).join(", ")}.`,
    content: { "application/json": { schema: ref("Error") } },
  };
  return {
    operationId: id,
    tags: [tag],
    summary,
    description,
    parameters,
    requestBody:
      body === undefined
        ? undefined
        : { required: body.required, content: { "application/json": { schema: ref(body.schema) } } },
    responses,
    "x-codeSamples": [
      { lang: "Shell", label: "curl", source: curl },
      { lang: "TypeScript", label: "SDK", source: sdk },
    ],
  };
}

export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of DESCRIBED) {
    paths[operation.path] ??= {};
    paths[operation.path][operation.method.toLowerCase()] = operationObject(operation);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tailrace",
      version: "1",
      description: "Streams as a storage primitive: durable, ordered sequences of records. Speaks the S2 API.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{ token: [] }],
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}
