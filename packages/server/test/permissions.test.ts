// Every operation × every kind of scope, both ways: permitted and refused. By plain HTTP, since it is about who may ask, not what is answered.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { OPERATIONS, type Operation } from "../src/access/operations.ts";
import { ROUTES } from "../src/routes.ts";
import { BASIN, serve, type TestServer } from "./support.ts";

const ROOT = "the-root-of-these-tests";
const STREAM = "team/one";

interface Names {
  readonly basin: string;
  readonly stream: string;
  readonly token: string;
}

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly body?: object | string;
  readonly headers?: Record<string, string>;
}

type ResourceKind = "basins" | "streams" | "access_tokens";

interface Case {
  readonly group: readonly ["account" | "basin" | "stream", "read" | "write"];
  /** The resource sets that the operation is bound by. */
  readonly bound: readonly ResourceKind[];
  readonly ask: (names: Names) => Ask;
  /** What else its route needs: PUT may turn out to create or to reconfigure. */
  readonly also?: readonly Operation[];
}

const command = (name: string, body: Buffer) => ({
  records: [{ headers: [["", Buffer.from(name).toString("base64")]], body: body.toString("base64") }],
});
const records = (method: string, { basin, stream }: Names, suffix = "", body?: object): Ask => ({
  method,
  path: `/v1/streams/${encodeURIComponent(stream)}/records${suffix}`,
  headers: { "s2-basin": basin, "s2-format": "base64" },
  ...(body === undefined ? {} : { body }),
});
const streams = (method: string, { basin, stream }: Names, body?: object): Ask => ({
  method,
  path: `/v1/streams/${encodeURIComponent(stream)}`,
  headers: { "s2-basin": basin },
  ...(body === undefined ? {} : { body }),
});

const CASES: readonly (readonly [Operation, Case])[] = [
  ["list-basins", { group: ["account", "read"], bound: [], ask: () => ({ method: "GET", path: "/v1/basins" }) }],
  [
    "create-basin",
    {
      group: ["account", "write"],
      bound: ["basins"],
      ask: ({ basin }) => ({ method: "POST", path: "/v1/basins", body: { basin } }),
    },
  ],
  [
    "create-basin",
    {
      group: ["account", "write"],
      bound: ["basins"],
      ask: ({ basin }) => ({ method: "PUT", path: `/v1/basins/${basin}`, body: {} }),
      also: ["reconfigure-basin"],
    },
  ],
  [
    "delete-basin",
    {
      group: ["account", "write"],
      bound: ["basins"],
      ask: ({ basin }) => ({ method: "DELETE", path: `/v1/basins/${basin}` }),
    },
  ],
  [
    "reconfigure-basin",
    {
      group: ["account", "write"],
      bound: ["basins"],
      ask: ({ basin }) => ({ method: "PATCH", path: `/v1/basins/${basin}`, body: {} }),
    },
  ],
  [
    "get-basin-config",
    {
      group: ["account", "read"],
      bound: ["basins"],
      ask: ({ basin }) => ({ method: "GET", path: `/v1/basins/${basin}` }),
    },
  ],
  [
    "issue-access-token",
    {
      group: ["account", "write"],
      bound: ["access_tokens"],
      ask: ({ token }) => ({
        method: "POST",
        path: "/v1/access-tokens",
        body: { id: token, scope: { ops: ["issue-access-token"] } },
      }),
    },
  ],
  [
    "revoke-access-token",
    {
      group: ["account", "write"],
      bound: ["access_tokens"],
      ask: ({ token }) => ({ method: "DELETE", path: `/v1/access-tokens/${encodeURIComponent(token)}` }),
    },
  ],
  [
    "list-access-tokens",
    { group: ["account", "read"], bound: [], ask: () => ({ method: "GET", path: "/v1/access-tokens" }) },
  ],
  [
    "list-streams",
    {
      group: ["basin", "read"],
      bound: ["basins"],
      ask: ({ basin }) => ({ method: "GET", path: "/v1/streams", headers: { "s2-basin": basin } }),
    },
  ],
  [
    "create-stream",
    {
      group: ["basin", "write"],
      bound: ["basins", "streams"],
      ask: ({ basin, stream }) => ({
        method: "POST",
        path: "/v1/streams",
        headers: { "s2-basin": basin },
        body: { stream },
      }),
    },
  ],
  [
    "create-stream",
    {
      group: ["basin", "write"],
      bound: ["basins", "streams"],
      ask: (names) => streams("PUT", names, {}),
      also: ["reconfigure-stream"],
    },
  ],
  [
    "delete-stream",
    {
      group: ["basin", "write"],
      bound: ["basins", "streams"],
      ask: (names) => streams("DELETE", names),
    },
  ],
  [
    "get-stream-config",
    { group: ["basin", "read"], bound: ["basins", "streams"], ask: (names) => streams("GET", names) },
  ],
  [
    "reconfigure-stream",
    { group: ["basin", "write"], bound: ["basins", "streams"], ask: (names) => streams("PATCH", names, {}) },
  ],
  [
    "check-tail",
    { group: ["stream", "read"], bound: ["basins", "streams"], ask: (names) => records("GET", names, "/tail") },
  ],
  [
    "append",
    {
      group: ["stream", "write"],
      bound: ["basins", "streams"],
      ask: (names) => records("POST", names, "", { records: [{ body: "" }] }),
    },
  ],
  [
    "read",
    { group: ["stream", "read"], bound: ["basins", "streams"], ask: (names) => records("GET", names, "?seq_num=0") },
  ],
  [
    "trim",
    {
      group: ["stream", "write"],
      bound: ["basins", "streams"],
      ask: (names) => records("POST", names, "", command("trim", Buffer.alloc(8))),
    },
  ],
  [
    "fence",
    {
      group: ["stream", "write"],
      bound: ["basins", "streams"],
      ask: (names) => records("POST", names, "", command("fence", Buffer.from("me"))),
    },
  ],
  [
    "account-metrics",
    {
      group: ["account", "read"],
      bound: [],
      ask: () => ({ method: "GET", path: "/v1/metrics?set=account-ops&start=0&end=0" }),
    },
  ],
  [
    "basin-metrics",
    {
      group: ["basin", "read"],
      bound: ["basins"],
      ask: ({ basin }) => ({ method: "GET", path: `/v1/metrics/${basin}?set=storage&start=0&end=0` }),
    },
  ],
  [
    "stream-metrics",
    {
      group: ["stream", "read"],
      bound: ["basins", "streams"],
      ask: ({ basin, stream }) => ({
        method: "GET",
        path: `/v1/metrics/${basin}/${encodeURIComponent(stream)}?set=storage&start=0&end=0`,
      }),
    },
  ],
  ["list-locations", { group: ["account", "read"], bound: [], ask: () => ({ method: "GET", path: "/v1/locations" }) }],
  [
    "get-default-location",
    { group: ["account", "read"], bound: [], ask: () => ({ method: "GET", path: "/v1/locations/default" }) },
  ],
  [
    "set-default-location",
    {
      group: ["account", "write"],
      bound: [],
      ask: () => ({ method: "PUT", path: "/v1/locations/default", body: '"local"' }),
    },
  ],
];

const GROUPS = ["account", "basin", "stream"] as const;
const EVERYWHERE = { basins: { prefix: "" }, streams: { prefix: "" }, access_tokens: { prefix: "" } };

let served: TestServer;
let counter = 0;
before(async () => {
  served = await serve({ rootToken: ROOT });
});
after(() => served.stop());

function send(token: string, { method, path, body, headers }: Ask): Promise<Response> {
  return fetch(served.url + path, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

async function issue(scope: object): Promise<string> {
  const id = `permissions-${counter++}`;
  const response = await send(ROOT, { method: "POST", path: "/v1/access-tokens", body: { id, scope } });
  assert.equal(response.status, 201, await response.clone().text());
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Basins that are created or deleted have names of their own; all other requests are about things that are there, or may be missing. */
function namesFor(operation: Operation): Names {
  return {
    basin: operation === "create-basin" || operation === "delete-basin" ? `new-basin-${counter++}` : BASIN,
    stream: STREAM,
    token: `issued/${counter++}`,
  };
}

async function verdict(scope: object, ask: Ask): Promise<"permitted" | "refused"> {
  const response = await send(await issue(scope), ask);
  const text = await response.text();
  if (response.status === 403) {
    assert.equal(JSON.parse(text).code, "permission_denied");
    return "refused";
  }
  assert.ok(response.status < 500 || response.status === 501, `${response.status} ${text}`);
  assert.notEqual(response.status, 401, text);
  assert.notEqual(response.status, 400, text);
  return "permitted";
}

test("every operation and every route is in the table", () => {
  assert.deepEqual(new Set(CASES.map(([operation]) => operation)), new Set(OPERATIONS));
  const asked = CASES.map(([, { ask }]) => ask({ basin: "some-basin", stream: "s", token: "t" }));
  for (const [method, path] of ROUTES) {
    const pattern = new RegExp(`^${path.replaceAll(/:[a-z]+/g, "[^/?]+")}(\\?.*)?$`);
    assert.ok(
      asked.some((ask) => ask.method === method && pattern.test(ask.path)),
      `${method} ${path}`,
    );
  }
});

for (const [operation, { group, bound, ask, also = [] }] of CASES) {
  const { method, path } = ask({ basin: BASIN, stream: STREAM, token: "t" });
  describe(`${operation}: ${method} ${path}`, () => {
    const [level, kind] = group;

    test("is permitted by its name and by its group, and by nothing else", async () => {
      const names = () => ask(namesFor(operation));
      assert.equal(await verdict({ ...EVERYWHERE, ops: [operation, ...also] }, names()), "permitted");
      assert.equal(await verdict({ ...EVERYWHERE, op_groups: { [level]: { [kind]: true } } }, names()), "permitted");
      const others = OPERATIONS.filter((each) => each !== operation);
      assert.equal(await verdict({ ...EVERYWHERE, ops: others }, names()), "refused");
      for (const needed of also) {
        const without = OPERATIONS.filter((each) => each !== needed);
        assert.equal(await verdict({ ...EVERYWHERE, ops: without }, names()), "refused");
      }
      const otherGroups: Record<string, { read: boolean; write: boolean }> = {};
      for (const each of GROUPS) {
        otherGroups[each] = {
          read: !(each === level && kind === "read"),
          write: !(each === level && kind === "write"),
        };
      }
      assert.equal(await verdict({ ...EVERYWHERE, op_groups: otherGroups }, names()), "refused");
      // A union: a group that does not have it and the operation by its name.
      assert.equal(
        await verdict({ ...EVERYWHERE, op_groups: otherGroups, ops: [operation, ...also] }, names()),
        "permitted",
      );
    });

    for (const resource of ["basins", "streams", "access_tokens"] as const) {
      const isBound = bound.includes(resource);
      test(`is ${isBound ? "" : "not "}bound by ${resource}`, async () => {
        const names = namesFor(operation);
        const name = { basins: names.basin, streams: names.stream, access_tokens: names.token }[resource];
        const sets: readonly (readonly [object | null | undefined, boolean])[] = [
          [undefined, false],
          [null, false],
          [{ exact: "" }, false],
          [{ exact: name }, true],
          [{ exact: `${name}x` }, false],
          [{ exact: name.slice(0, -1) }, false],
          [{ prefix: "" }, true],
          [{ prefix: name.slice(0, 4) }, true],
          [{ prefix: name }, true],
          [{ prefix: `${name}x` }, false],
          [{ prefix: "zzz" }, false],
        ];
        for (const [set, admits] of sets) {
          const scope = { ...EVERYWHERE, [resource]: set, ops: [operation, ...also] };
          const expected = !isBound || admits ? "permitted" : "refused";
          assert.equal(await verdict(scope, ask(names)), expected, `${resource} ${JSON.stringify(set)}`);
        }
      });
    }
  });
}
