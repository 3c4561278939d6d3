// Spans for OpenTelemetry, by its official packages, which are loaded only once traces are wanted. What they cannot deliver they throw
// away: a collector that is slow or gone costs its own spans, and nobody's request waits for it.
import type { Attributes, Context, Span, Tracer } from "@opentelemetry/api";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import { type RequestSpan, ROUTE_ATTRIBUTE, type SpanAttributes, type Tracing } from "@tailrace/server";
import { VERSION } from "../version.ts";
import type { TraceSettings } from "./trace-settings.ts";

/** A stop waits so long for the last spans to be taken. */
const FLUSH_DEADLINE_MS = 3_000;
/** How often it is said that spans could not be delivered. */
const COMPLAINT_MS = 60_000;
const NAME = "tailrace";

export interface TraceLogger {
  warn(fields: object, message: string): void;
}

/** Something that takes a while and is no request. */
export interface WorkSpan {
  /** Something that is part of it. */
  child(name: string, kind: WorkKind, attributes: SpanAttributes): WorkSpan;
  set(attributes: SpanAttributes): void;
  /** `error` is what it failed with. Once. */
  end(error?: unknown): void;
}

/** `client`: a request of ours to somebody else. */
export type WorkKind = "internal" | "client";

/** Loads what is needed. Errors: none that the settings have not excluded. */
export async function openTelemetry(settings: TraceSettings, logger: TraceLogger): Promise<OpenTelemetry> {
  const [api, core, sdk, { defaultResource, detectResources, envDetector, resourceFromAttributes }, exporters] =
    await Promise.all([
      import("@opentelemetry/api"),
      import("@opentelemetry/core"),
      import("@opentelemetry/sdk-trace-base"),
      import("@opentelemetry/resources"),
      Promise.all(settings.exporters.map((name) => exporterOf(name, settings))),
    ]);
  core.setGlobalErrorHandler(complaints(logger));
  const own = resourceFromAttributes({ "service.name": NAME, "service.version": VERSION });
  const provider = new sdk.BasicTracerProvider({
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: exporters.map((exporter) => new sdk.BatchSpanProcessor(exporter)),
  });
  const propagator = new core.W3CTraceContextPropagator();
  return new OpenTelemetry(api, provider.getTracer(NAME, VERSION), {
    contextOf: (header) => {
      if (!settings.continues) return api.ROOT_CONTEXT;
      const carrier = { traceparent: header("traceparent"), tracestate: header("tracestate") };
      return propagator.extract(api.ROOT_CONTEXT, carrier, api.defaultTextMapGetter);
    },
    shutdown: () => provider.shutdown(),
  });
}

async function exporterOf(name: TraceSettings["exporters"][number], settings: TraceSettings): Promise<SpanExporter> {
  if (name === "console") return new (await import("@opentelemetry/sdk-trace-base")).ConsoleSpanExporter();
  if (settings.protocol === "http/json")
    return new (await import("@opentelemetry/exporter-trace-otlp-http")).OTLPTraceExporter();
  return new (await import("@opentelemetry/exporter-trace-otlp-proto")).OTLPTraceExporter();
}

/** One line, and then silence for a while. */
function complaints(logger: TraceLogger): (error: unknown) => void {
  let quietUntilMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const nowMs = performance.now();
    if (nowMs < quietUntilMs) return;
    quietUntilMs = nowMs + COMPLAINT_MS;
    const why = error instanceof Error ? error.message : String(error);
    logger.warn({ error: why }, "traces could not be delivered, and are thrown away");
  };
}

type Api = typeof import("@opentelemetry/api");

interface Provider {
  readonly contextOf: (header: (name: string) => string | undefined) => Context;
  readonly shutdown: () => Promise<void>;
}

export class OpenTelemetry implements Tracing {
  readonly #api: Api;
  readonly #tracer: Tracer;
  readonly #provider: Provider;

  constructor(api: Api, tracer: Tracer, provider: Provider) {
    this.#api = api;
    this.#tracer = tracer;
    this.#provider = provider;
  }

  request(method: string, path: string, header: (name: string) => string | undefined): RequestSpan {
    const span = this.start(method, "server", this.#provider.contextOf(header), {
      "http.request.method": method,
      "url.path": path,
    });
    return new OpenTelemetryRequest(this, method, span, this.within(span));
  }

  /** Something that nobody asked for. */
  work(name: string, kind: WorkKind = "internal", attributes: SpanAttributes = {}): WorkSpan {
    return this.#workIn(this.#api.ROOT_CONTEXT, name, kind, attributes);
  }

  #workIn(context: Context, name: string, kind: WorkKind, attributes: SpanAttributes): WorkSpan {
    const span = this.start(name, kind, context, attributes);
    return {
      child: (childName, childKind, more) => this.#workIn(this.within(span), childName, childKind, more),
      set: (more) => span.setAttributes(more),
      end: (error) => this.end(span, error),
    };
  }

  start(name: string, kind: WorkKind | "server", context: Context, attributes: Attributes): Span {
    const { SpanKind } = this.#api;
    const kinds = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT, server: SpanKind.SERVER };
    return this.#tracer.startSpan(name, { kind: kinds[kind], attributes }, context);
  }

  within(span: Span): Context {
    return this.#api.trace.setSpan(this.#api.ROOT_CONTEXT, span);
  }

  /** Messages of errors stay here: they may hold what nobody else is to know. */
  end(span: Span, error?: unknown): void {
    if (error !== undefined) this.fail(span, codeOf(error));
    span.end();
  }

  fail(span: Span, code: string): void {
    span.setAttribute("error.type", code);
    span.setStatus({ code: this.#api.SpanStatusCode.ERROR });
  }

  /** Hands over what is left, as far as it is taken in time. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, FLUSH_DEADLINE_MS);
    });
    // What could not be delivered has been complained of.
    await Promise.race([this.#provider.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  }
}

class OpenTelemetryRequest implements RequestSpan {
  readonly #telemetry: OpenTelemetry;
  readonly #method: string;
  readonly #span: Span;
  readonly #context: Context;

  constructor(telemetry: OpenTelemetry, method: string, span: Span, context: Context) {
    this.#telemetry = telemetry;
    this.#method = method;
    this.#span = span;
    this.#context = context;
  }

  set(attributes: SpanAttributes): void {
    this.#span.setAttributes(attributes);
    const route = attributes[ROUTE_ATTRIBUTE];
    if (route !== undefined) this.#span.updateName(`${this.#method} ${route}`);
  }

  during<T>(name: string, attributes: SpanAttributes, work: Promise<T>, of?: (value: T) => SpanAttributes): void {
    const span = this.#telemetry.start(name, "internal", this.#context, attributes);
    work.then(
      (value) => {
        if (of !== undefined) span.setAttributes(of(value));
        span.end();
      },
      (error: unknown) => this.#telemetry.end(span, error),
    );
  }

  end(status: number, error?: string): void {
    this.#span.setAttribute("http.response.status_code", status);
    if (error !== undefined) this.#span.setAttribute("tailrace.error", error);
    // What a client got wrong is no failure of the server.
    if (status >= 500) this.#telemetry.fail(this.#span, error ?? String(status));
    this.#span.end();
  }
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  for (const field of ["code", "kind"] as const) {
    const value: unknown = Reflect.get(error, field);
    if (typeof value === "string") return value;
  }
  return error.name;
}
