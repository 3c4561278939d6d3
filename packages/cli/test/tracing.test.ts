// Traces as an operator switches them on: the real process, and a collector that is a plain HTTP server. What is sent, when, and that
// a collector that is away or silent costs nobody anything.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AppendInput, AppendRecord, S2, S2Endpoints } from "@s2-dev/streamstore";
import { NODE_FLAGS } from "../../../scripts/node-flags.js";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { ExitCode } from "../src/exit-codes.ts";
import { traceSettings } from "../src/tracing/trace-settings.ts";

const temporary = mkdtempSync(join(tmpdir(), "tailrace-traces-"));
after(() => rmSync(temporary, { recursive: true, force: true }));

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: string | number };
}

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: number };
}

interface Export {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
}

/** Receives what is exported, as `http/json` or else. */
class Collector {
  readonly bodies: Buffer[] = [];
  readonly types = new Set<string | undefined>();
  readonly #server: Server;
  url = "";

  constructor(answer: (response: ServerResponse) => void) {
    this.#server = createServer((request: IncomingMessage, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        assert.equal(request.url, "/v1/traces");
        this.types.add(request.headers["content-type"]);
        this.bodies.push(Buffer.concat(pieces));
        answer(response);
      });
    });
  }

  static async start(answer = (response: ServerResponse) => void response.writeHead(200).end()): Promise<Collector> {
    const collector = new Collector(answer);
    collector.#server.listen(0, "127.0.0.1");
    await once(collector.#server, "listening");
    const address = collector.#server.address();
    assert.ok(address !== null && typeof address === "object");
    collector.url = `http://127.0.0.1:${address.port}`;
    return collector;
  }

  get text(): string {
    return Buffer.concat(this.bodies).toString("latin1");
  }

  get exports(): Export[] {
    return this.bodies.map((body) => JSON.parse(body.toString()) as Export);
  }

  get spans(): Span[] {
    return this.exports.flatMap(({ resourceSpans }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function valuesOf(attributes: readonly Attribute[]): Record<string, string | number | undefined> {
  return Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? (value.intValue === undefined ? undefined : Number(value.intValue)),
    ]),
  );
}

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const PARENT_ID = "b7ad6b7169203331";

test("requests, appends, sessions, the takeover and requests to the store are spans, handed over at the stop", async (t) => {
  const collector = await Collector.start();
  t.after(() => collector.stop());
  const server = await TailraceProcess.start({
    store: `file:${join(temporary, "spans")}`,
    env: {
      TAILRACE_ROOT_TOKEN: "a-root-token",
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_SERVICE_NAME: "streams-of-mine",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=tests",
      // What is not handed over by the stop would come in an hour.
      OTEL_BSP_SCHEDULE_DELAY: "3600000",
    },
  });
  const call = (method: string, path: string, body?: string, more: Record<string, string> = {}) =>
    fetch(`${server.url}${path}`, {
      method,
      headers: {
        authorization: "Bearer a-root-token",
        "s2-basin": "traced-basin",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...more,
      },
      ...(body === undefined ? {} : { body }),
    }).then(async (answer) => {
      await answer.arrayBuffer();
      return answer.status;
    });
  assert.equal(await call("PUT", "/v1/basins/traced-basin"), 201);
  assert.equal(await call("PUT", "/v1/streams/a%2Fb"), 201);
  const append = (seqNum: number) =>
    call("POST", "/v1/streams/a%2Fb/records", `{"records":[{"body":"a body of a record"}],"match_seq_num":${seqNum}}`, {
      traceparent: `00-${TRACE_ID}-${PARENT_ID}-01`,
    });
  assert.equal(await append(0), 200);
  assert.equal(await append(7), 412);
  assert.equal(await call("GET", "/v1/streams/a%2Fb/records?seq_num=0"), 200);
  assert.equal(await call("GET", "/v1/nowhere"), 404);
  assert.equal(await call("GET", "/v1/basins", undefined, { authorization: "Bearer wrong" }), 401);
  assert.equal(await call("GET", "/health"), 200);
  const s2 = new S2({
    accessToken: "a-root-token",
    endpoints: new S2Endpoints({ account: server.url, basin: server.url }),
  });
  const stream = s2.basin("traced-basin").stream("a/b");
  const session = await stream.appendSession();
  for (let i = 0; i < 3; i += 1)
    await (await session.submit(AppendInput.create([AppendRecord.string({ body: "x" })]))).ack();
  await session.close();
  await stream.close();
  assert.deepEqual(collector.bodies, []);
  assert.equal(await server.stop(), 0);

  const [{ resource }] = collector.exports.flatMap(({ resourceSpans }) => resourceSpans);
  const described = valuesOf(resource.attributes);
  assert.equal(described["service.name"], "streams-of-mine");
  assert.equal(described["deployment.environment"], "tests");
  const { spans } = collector;
  const named = (name: string) => spans.filter((span) => span.name === name);
  const [appended, refused] = named("POST /v1/streams/:stream/records");
  for (const span of [appended, refused]) {
    assert.equal(span.traceId, TRACE_ID);
    assert.equal(span.parentSpanId, PARENT_ID);
    assert.equal(span.kind, 2);
    assert.ok(span.status.code !== 2, "what the client got wrong is no error of the server");
  }
  assert.deepEqual(valuesOf(appended.attributes), {
    "http.request.method": "POST",
    "url.path": "/v1/streams/a%2Fb/records",
    "http.route": "/v1/streams/:stream/records",
    "tailrace.operation": "append",
    "tailrace.resource": "traced-basin/a/b",
    "http.response.status_code": 200,
  });
  assert.equal(valuesOf(refused.attributes)["tailrace.error"], "condition_failed");
  const appends = named("append");
  assert.equal(appends.length, 2 + 3);
  const durable = appends.find(({ parentSpanId }) => parentSpanId === appended.spanId);
  assert.ok(durable !== undefined);
  const { "tailrace.place": place, ...rest } = valuesOf(durable.attributes);
  assert.deepEqual(rest, { "tailrace.records": 1, "tailrace.bytes": 26, "tailrace.first_seq_num": 0 });
  // The put that it waited for.
  const put = named("store putIfAbsent").find((span) =>
    String(valuesOf(span.attributes)["tailrace.key"]).endsWith(`/wal/${String(place).padStart(16, "0")}`),
  );
  assert.ok(put !== undefined);
  assert.equal(put.kind, 3);
  const [opening] = spans.filter((span) => span.name === "append session");
  assert.equal(appends.filter(({ parentSpanId }) => parentSpanId === opening.parentSpanId).length, 3);
  assert.equal(named("GET /v1/streams/:stream/records").length, 1);
  assert.equal(valuesOf(named("GET /v1/basins")[0].attributes)["tailrace.error"], "authn");
  const [unknown] = named("GET");
  assert.equal(valuesOf(unknown.attributes)["http.response.status_code"], 404);
  const [takeover] = named("takeover");
  assert.equal(valuesOf(takeover.attributes)["tailrace.epoch"], 1);
  assert.ok(spans.filter(({ parentSpanId }) => parentSpanId === takeover.spanId).length > 3);
  for (const secret of ["a-root-token", "wrong", "a body of a record"]) assert.ok(!collector.text.includes(secret));
});

test("the default protocol is protobuf; without an endpoint, or with none as exporter, nothing is sent", async (t) => {
  const collector = await Collector.start();
  t.after(() => collector.stop());
  const run = async (env: Record<string, string>) => {
    const server = await TailraceProcess.start({ store: "memory:", env });
    assert.equal((await fetch(`${server.url}/v1/basins`)).status, 200);
    assert.equal(await server.stop(), 0);
  };
  await run({});
  await run({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_EXPORTER: "none" });
  await run({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_SDK_DISABLED: "true" });
  await run({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_TRACES_SAMPLER: "always_off" });
  assert.deepEqual(collector.bodies, []);
  await run({ OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces` });
  assert.deepEqual([...collector.types], ["application/x-protobuf"]);
  assert.match(collector.text, /GET \/v1\/basins/);
});

for (const [what, answer] of [
  ["is away", undefined],
  ["never answers", () => undefined],
  ["refuses", (response: ServerResponse) => void response.writeHead(503).end()],
] as const) {
  test(`a collector that ${what} costs no append, and no stop more than a moment`, async (t) => {
    const collector = await Collector.start(answer);
    if (answer === undefined) await collector.stop();
    else t.after(() => collector.stop());
    const store = `file:${join(temporary, what.replaceAll(" ", "-"))}`;
    const env = {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: "50",
      OTEL_BSP_MAX_QUEUE_SIZE: "100",
      OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "50",
    };
    const server = await TailraceProcess.start({ store, env });
    const basin = (url: string) =>
      new S2({
        accessToken: "any",
        endpoints: new S2Endpoints({ account: url, basin: url }),
        retry: { maxAttempts: 1 },
      });
    await basin(server.url).basins.create({ basin: "traced-basin", config: { createStreamOnAppend: true } });
    const stream = basin(server.url).basin("traced-basin").stream("s");
    const appends = Array.from({ length: 500 }, (_, i) =>
      stream.append(AppendInput.create([AppendRecord.string({ body: `${i}` })])),
    );
    await Promise.all(appends);
    await stream.close();
    const startedMs = performance.now();
    assert.equal(await server.stop(), 0, server.output);
    assert.ok(performance.now() - startedMs < 10_000);
    const again = await TailraceProcess.start({ store });
    const { tail } = await basin(again.url).basin("traced-basin").stream("s").checkTail();
    assert.equal(tail.seqNum, 500);
    assert.equal(await again.stop(), 0);
    const complaints = server.output.split("\n").filter((line) => line.includes("traces could not be delivered"));
    assert.ok(complaints.length <= 1, server.output);
  });
}

test("what the variables ask for and cannot have is refused in one sentence", () => {
  const main = join(import.meta.dirname, "../src/main.ts");
  const env = {
    ...process.env,
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
    OTEL_EXPORTER_OTLP_PROTOCOL: "grpc",
  };
  const args = [...NODE_FLAGS, main, "serve", "--listen", "127.0.0.1:0", "--store", "memory:"];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", env, timeout: 20_000 });
  assert.equal(status, ExitCode.usage);
  assert.equal(stderr, 'tailrace: OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf or http/json, not "grpc"\n');
  assert.throws(() => traceSettings({ OTEL_TRACES_EXPORTER: "zipkin" }), /must be otlp, console or none/);
  assert.throws(() => traceSettings({ OTEL_EXPORTER_OTLP_ENDPOINT: "collector:4318" }), /must be a URL/);
  assert.equal(traceSettings({}), undefined);
  assert.deepEqual(traceSettings({ OTEL_TRACES_EXPORTER: "console", OTEL_PROPAGATORS: "b3" }), {
    exporters: ["console"],
    protocol: "http/protobuf",
    continues: false,
  });
});
