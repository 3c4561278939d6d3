// The OpenAPI description of the HTTP API, put together from its operations and schemas.
import { ERROR_STATUSES } from "../errors.ts";
import { OPERATIONS, type OperationDescription } from "./operations.ts";
import { PARAMETERS } from "./parameters.ts";
import { SCHEMAS } from "./schemas.ts";

export const OPENAPI_PATH = "/v1/openapi.json";

export function openApi(): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] ??= {};
    paths[operation.path][operation.method.toLowerCase()] = operationObject(operation);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tailrace key-value store",
      version: "1",
      description:
        "A durable, linearizable key-value store. Keys and values are bytes: in URLs they are percent-encoded, in JSON they are text where they are UTF-8, and otherwise in base64 under a name that ends in `_base64`.",
    },
    paths,
    components: {
      schemas: SCHEMAS,
      securitySchemes: { bearer: { type: "http", scheme: "bearer", description: "Where the server has a token." } },
    },
    security: [{}, { bearer: [] }],
  };
}

function operationObject(operation: OperationDescription): object {
  const { id, summary, parameters, request, status, response, headers, errors, demo } = operation;
  const refusals = new Map<number, string[]>();
  for (const code of [...errors, ...EVERYWHERE]) {
    const known = refusals.get(ERROR_STATUSES[code]) ?? [];
    refusals.set(ERROR_STATUSES[code], [...known, code]);
  }
  const error = content("application/json", { $ref: `#/components/schemas/${demo === true ? "DemoError" : "Error"}` });
  return {
    operationId: id,
    summary,
    ...(parameters.length === 0 ? {} : { parameters: parameters.map((name) => PARAMETERS[name]) }),
    ...(request === undefined ? {} : { requestBody: { required: true, ...content(...request) } }),
    responses: {
      [status]: {
        description: "Done.",
        ...(headers === undefined ? {} : { headers: headersObject(headers) }),
        ...content(...response),
      },
      ...Object.fromEntries([...refusals].map(([each, codes]) => [each, { description: codes.join(", "), ...error }])),
    },
  };
}

/** What any operation may be refused with. */
const EVERYWHERE = ["bad_request", "unauthorized", "internal", "unavailable", "overloaded"] as const;

function content(type: string, schema: object): object {
  return { content: { [type]: { schema } } };
}

function headersObject(headers: Readonly<Record<string, string>>): object {
  return Object.fromEntries(
    Object.entries(headers).map(([name, description]) => [name, { description, schema: { type: "string" } }]),
  );
}
