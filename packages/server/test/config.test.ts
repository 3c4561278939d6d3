// How configurations of streams are resolved and changed, field by field: what is given, else the basin's default, else the global one;
// what a change leaves out, resets, or falls back on. By plain HTTP, since it is about what is in the JSON and what is not.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serve, type TestServer } from "./support.ts";

let served: TestServer;
let names = 0;
before(async () => {
  served = await serve();
});
after(() => served.stop());

type Json = Record<string, unknown>;

async function call(method: string, path: string, body?: unknown, basin = ""): Promise<Json> {
  const answer = await fetch(`${served.url}/v1${path}`, {
    method,
    headers: { "s2-basin": basin, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Json);
}

async function refused(method: string, path: string, body: unknown, basin = ""): Promise<[number, unknown]> {
  const answer = await fetch(`${served.url}/v1${path}`, {
    method,
    headers: { "s2-basin": basin, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return [answer.status, ((await answer.json()) as Json).code];
}

/** A field, as it is given and answered: two values, and what it is where nobody says anything. */
interface Field {
  readonly of: (value: unknown) => Json;
  readonly find: (config: Json) => unknown;
  readonly values: readonly [unknown, unknown];
  readonly otherwise: unknown;
}

const inside = (outer: string, inner: string) => ({
  of: (value: unknown): Json => ({ [outer]: { [inner]: value } }),
  find: (config: Json) => (config[outer] as Json | null)?.[inner],
});
const whole = (name: string) => ({
  of: (value: unknown): Json => ({ [name]: value }),
  find: (config: Json) => config[name],
});

const FIELDS: Record<string, Field> = {
  storage_class: { ...whole("storage_class"), values: ["standard", "express"], otherwise: "express" },
  retention_policy: {
    ...whole("retention_policy"),
    values: [{ age: 60 }, { infinite: {} }],
    otherwise: { age: 7 * 86_400 },
  },
  "timestamping.mode": {
    ...inside("timestamping", "mode"),
    values: ["arrival", "client-require"],
    otherwise: "client-prefer",
  },
  "timestamping.uncapped": { ...inside("timestamping", "uncapped"), values: [true, false], otherwise: false },
  "delete_on_empty.min_age_secs": {
    ...inside("delete_on_empty", "min_age_secs"),
    values: [60, 90],
    otherwise: 0,
  },
};

for (const [name, { of, find, values, otherwise }] of Object.entries(FIELDS)) {
  describe(name, () => {
    const [one, other] = values;
    const setup = async (defaults: Json) => {
      const basin = `config-basin-${names++}`;
      await call("PUT", `/basins/${basin}`, { config: { default_stream_config: defaults } });
      const make = async (config: Json | undefined) => {
        const stream = `s${names++}`;
        await call("POST", "/streams", { stream, ...(config === undefined ? {} : { config }) }, basin);
        return stream;
      };
      const get = async (stream: string) => find(await call("GET", `/streams/${stream}`, undefined, basin));
      const patch = async (stream: string, config: Json) =>
        find(await call("PATCH", `/streams/${stream}`, config, basin));
      return { basin, make, get, patch };
    };

    test("of a new stream: what is given, else the basin's default, else the global one", async () => {
      const bare = await setup({});
      assert.deepEqual(await bare.get(await bare.make(undefined)), otherwise);
      assert.deepEqual(await bare.get(await bare.make({})), otherwise);
      assert.deepEqual(await bare.get(await bare.make(of(null))), otherwise);
      assert.deepEqual(await bare.get(await bare.make(of(one))), one);
      const set = await setup(of(one));
      assert.deepEqual(await set.get(await set.make(undefined)), one);
      assert.deepEqual(await set.get(await set.make(of(null))), one);
      assert.deepEqual(await set.get(await set.make(of(other))), other);
    });

    test("a change leaves alone what it leaves out, and null resets to the basin's default of then", async () => {
      const { basin, make, get, patch } = await setup(of(one));
      const stream = await make(of(other));
      assert.deepEqual(await patch(stream, {}), other);
      for (const [elsewhere, field] of Object.entries(FIELDS))
        if (elsewhere.split(".")[0] !== name.split(".")[0])
          assert.deepEqual(await patch(stream, field.of(field.values[0])), other);
      assert.deepEqual(await patch(stream, of(null)), one);
      await call("PATCH", `/basins/${basin}`, { default_stream_config: of(other) });
      assert.deepEqual(await get(stream), one, "a later default of the basin does not reach it");
      assert.deepEqual(await patch(stream, of(null)), other);
      await call("PATCH", `/basins/${basin}`, { default_stream_config: of(null) });
      assert.deepEqual(await patch(stream, of(null)), otherwise);
    });

    test("ensure falls back where it leaves out, whatever was there", async () => {
      const { basin, make, get } = await setup(of(one));
      const stream = await make(of(other));
      await call("PUT", `/streams/${stream}`, {}, basin);
      assert.deepEqual(await get(stream), one);
      await call("PUT", `/streams/${stream}`, of(other), basin);
      assert.deepEqual(await get(stream), other);
      await call("PUT", `/streams/${stream}`, undefined, basin);
      assert.deepEqual(await get(stream), one);
    });

    test("a basin's default is kept, changed and reset alike", async () => {
      const { basin } = await setup(of(one));
      const defaultOf = (config: Json) => find((config.default_stream_config ?? {}) as Json);
      const patch = async (config: unknown) =>
        defaultOf(await call("PATCH", `/basins/${basin}`, { default_stream_config: config }));
      assert.deepEqual(defaultOf(await call("PATCH", `/basins/${basin}`, {})), one);
      assert.deepEqual(await patch({}), one);
      assert.deepEqual(await patch(of(other)), other);
      const unset = await patch(of(null));
      // Only the class is told where nobody gave one.
      assert.deepEqual(unset ?? null, name === "storage_class" ? otherwise : null);
      await patch(of(one));
      assert.deepEqual((await patch(null)) ?? null, name === "storage_class" ? otherwise : null);
      await patch(of(one));
      await call("PUT", `/basins/${basin}`, {});
      assert.deepEqual(
        defaultOf(await call("GET", `/basins/${basin}`)) ?? null,
        name === "storage_class" ? otherwise : null,
      );
    });
  });
}

test("what no stream can have is refused", async () => {
  const basin = `config-basin-${names++}`;
  await call("PUT", `/basins/${basin}`, {});
  const cases: readonly (readonly [Json, number, string])[] = [
    [{ retention_policy: { age: 0 } }, 422, "invalid"],
    [{ retention_policy: { age: 1, infinite: {} } }, 400, "bad_json"],
    [{ retention_policy: { age: -1 } }, 400, "bad_json"],
    [{ timestamping: { mode: "sometimes" } }, 400, "bad_json"],
    [{ timestamping: { uncapped: "yes" } }, 400, "bad_json"],
    [{ storage_class: "none of ours" }, 422, "invalid"],
    [{ storage_class: 1 }, 400, "bad_json"],
    [{ delete_on_empty: { min_age_secs: 1.5 } }, 400, "bad_json"],
  ];
  await call("POST", "/streams", { stream: "there" }, basin);
  for (const [config, status, code] of cases) {
    const expected = [status, code];
    assert.deepEqual(
      await refused("POST", "/streams", { stream: "new", config }, basin),
      expected,
      JSON.stringify(config),
    );
    assert.deepEqual(await refused("PUT", "/streams/new", config, basin), expected, JSON.stringify(config));
    assert.deepEqual(await refused("PATCH", "/streams/there", config, basin), expected, JSON.stringify(config));
    const patch = { default_stream_config: config };
    assert.deepEqual(await refused("PATCH", `/basins/${basin}`, patch), expected, JSON.stringify(config));
  }
});

test("whether streams are created on use is kept by null and by what leaves it out, and reset by ensure", async () => {
  const basin = `config-basin-${names++}`;
  for (const name of ["create_stream_on_append", "create_stream_on_read"]) {
    await call("PUT", `/basins/${basin}`, { config: { [name]: true } });
    assert.equal((await call("PATCH", `/basins/${basin}`, {}))[name], true);
    assert.equal((await call("PATCH", `/basins/${basin}`, { [name]: null }))[name], true);
    assert.equal((await call("PATCH", `/basins/${basin}`, { [name]: false }))[name], false);
    await call("PATCH", `/basins/${basin}`, { [name]: true });
    await call("PUT", `/basins/${basin}`, {});
    assert.equal((await call("GET", `/basins/${basin}`))[name], false);
  }
});
