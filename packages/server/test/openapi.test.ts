// The description of the API against what it describes: the table of routes, real answers, docs/api.md, and examples that are run.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { AppendInput, AppendRecord } from "@s2-dev/streamstore";
import { Ajv2020 } from "ajv/dist/2020.js";
import { API_DOC, renewed } from "../../../scripts/api-docs.ts";
import { ERROR_CODES } from "../src/errors.ts";
import { codesOf, DESCRIPTION_PATH, openApi, routerPath } from "../src/openapi/description.ts";
import { DESCRIBED, type OperationDescription } from "../src/openapi/operations.ts";
import { SCHEMAS } from "../src/openapi/schemas.ts";
import { ROUTES } from "../src/routes.ts";
import { client, serve, type TestServer } from "./support.ts";

let served: TestServer;
before(async () => {
  served = await serve();
});
after(() => served.stop());

const ajv = new Ajv2020({ strict: false, validateFormats: false });
ajv.addSchema({ $id: "api", components: { schemas: SCHEMAS } });

/** `SCHEMAS` refer to each other from the document's root, which is the schema `api` here. */
function assertShape(name: string, value: unknown): void {
  const validate = ajv.getSchema(`api#/components/schemas/${name}`);
  assert.ok(validate !== undefined, name);
  assert.ok(validate(value), `${name}: ${JSON.stringify(validate.errors)} of ${JSON.stringify(value)}`);
}

test("every route is described, and nothing else is", () => {
  const described = DESCRIBED.map(
    (operation) => `${operation.method} ${routerPath(operation)} ${operation.id.replace("ensure-", "create-")}`,
  );
  const routed = ROUTES.map(([method, path, operation]) => `${method} ${path} ${operation}`);
  assert.deepEqual(described.sort(), routed.sort());
  assert.equal(new Set(DESCRIBED.map(({ id }) => id)).size, DESCRIBED.length);
  for (const operation of DESCRIBED) {
    const named = [...operation.path.matchAll(/\{([a-z]+)\}/g)].map(([, name]) => name);
    const taken = operation.parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
    assert.deepEqual(taken.sort(), named.sort(), operation.id);
    for (const code of codesOf(operation)) assert.ok(ERROR_CODES.includes(code), `${operation.id}: ${code}`);
  }
});

test("every schema that is named exists, and is used", () => {
  const text = JSON.stringify(openApi());
  const named = new Set([...text.matchAll(/#\/components\/schemas\/([A-Za-z]+)/g)].map(([, name]) => name));
  assert.deepEqual([...named].sort(), Object.keys(SCHEMAS).sort());
});

test("it is served as it is, and needs no token", async (t) => {
  const guarded = await serve({ rootToken: "root" });
  t.after(() => guarded.stop());
  const response = await fetch(`${guarded.url}${DESCRIPTION_PATH}`);
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.deepEqual(await response.json(), JSON.parse(JSON.stringify(openApi())));
  assert.equal((await fetch(`${guarded.url}${DESCRIPTION_PATH}`, { method: "POST" })).status, 404);
});

test("docs/api.md is what is made of it", () => {
  const text = readFileSync(API_DOC, "utf8");
  for (const code of ERROR_CODES) assert.ok(text.includes(`\`${code}\``), `docs/api.md does not name ${code}`);
  assert.ok(text === renewed(text), "docs/api.md is behind: run node scripts/api-docs.ts");
});

/** Runs an example as it stands; the answers of its calls, with their statuses. */
async function curl(example: string): Promise<{ status: number; body: string }[]> {
  const mark = "\n#status ";
  const script = `curl() { command curl -sS -w '${mark}%{http_code}\n' "$@"; }\n${example}`;
  const { stdout } = await promisify(execFile)("bash", ["-c", script], {
    env: { ...process.env, S2: `${served.url}/v1` },
  });
  const parts = stdout.split(/\n#status ([0-9]{3})\n/);
  const answers = [];
  for (let i = 0; i + 1 < parts.length; i += 2) answers.push({ body: parts[i], status: Number(parts[i + 1]) });
  return answers;
}

test("the example of encryption works", async () => {
  await client(served.url).basins.create({ basin: "my-third-basin", config: { streamCipher: "aes-256-gcm" } });
  const [, example] = /## Encryption[\s\S]*?```sh\n([\s\S]*?)```/.exec(readFileSync(API_DOC, "utf8")) ?? [];
  const [created, appended, read] = await curl(example);
  assert.deepEqual([created.status, appended.status, read.status], [201, 200, 200]);
  assertShape("StreamInfo", JSON.parse(created.body));
  assert.equal(JSON.parse(read.body).records[0].body, "psst");
});

type Example = (...args: unknown[]) => Promise<void>;
// The constructor of async functions has no name of its own.
const AsyncFunction = (async () => undefined).constructor as new (...args: string[]) => Example;

describe("the examples, one after another", () => {
  for (const operation of DESCRIBED) {
    test(`${operation.id} with curl`, async () => {
      for (const { status, body } of await curl(operation.curl)) assertAnswer(operation, status, body);
    });
    test(`${operation.id} with the SDK`, async () => {
      const s2 = client(served.url);
      const basin = s2.basin("my-first-basin");
      const stream = basin.stream("greetings");
      const log = { log: () => undefined };
      const names = ["s2", "basin", "stream", "AppendInput", "AppendRecord", "console"];
      await new AsyncFunction(...names, operation.sdk)(s2, basin, stream, AppendInput, AppendRecord, log);
      await stream.close();
    });
  }
});

function assertAnswer(operation: OperationDescription, status: number, body: string): void {
  const answer = operation.answers[status];
  assert.ok(answer !== undefined, `${operation.id}: ${status} ${body}`);
  if (answer.schema === null) assert.equal(body, "");
  // An event stream is none of JSON.
  else if (!body.startsWith("event: ")) assertShape(answer.schema, JSON.parse(body));
}

test("what is refused looks as described", async () => {
  const headers = { "s2-basin": "my-first-basin", "content-type": "application/json" };
  const call = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${served.url}/v1${path}`, { headers, ...init });
    return { status: response.status, json: await response.json() };
  };
  const records = "/streams/greetings/records";
  for (const body of ['{"records":[{}],"match_seq_num":99}', '{"records":[{}],"fencing_token":"x"}']) {
    const { status, json } = await call(records, { method: "POST", body });
    assert.equal(status, 412);
    assertShape("ConditionFailed", json);
  }
  const beyond = await call(`${records}?seq_num=99`);
  assert.equal(beyond.status, 416);
  assertShape("Tail", beyond.json);
  for (const path of [
    "/streams/none",
    "/basins/x",
    "/metrics?set=x",
    "/streams?limit=x",
    `${records}?seq_num=1&tail_offset=1`,
  ]) {
    const { json } = await call(path);
    assert.ok(typeof json === "object" && json !== null && "code" in json);
    assertShape("Error", json);
    assert.ok(ERROR_CODES.includes(String(json.code)), path);
  }
});
