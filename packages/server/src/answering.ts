// From a request's head to its answer, whoever read it from the wire: routing, who asks, the handler, the audit, and errors in one place.
// Never rejects and never throws; answers at once where a handler does.
import type { Access } from "./access/access.ts";
import type { Authenticator } from "./access/authenticator.ts";
import { countedWith, type Operation } from "./access/operations.ts";
import { type Answer, type ApiRequest, jsonReply, type Reply, type Session } from "./api-request.ts";
import { basinOfHost } from "./basin-domain.ts";
import type { Context } from "./context.ts";
import { errorCode, errorReply } from "./errors.ts";
import { DESCRIPTION_PATH, openApi } from "./openapi/description.ts";
import { Query } from "./query.ts";
import type { Route, Router } from "./router.ts";
import { type RequestSpan, ROUTE_ATTRIBUTE, type SpanAttributes, type Tracing } from "./tracing.ts";

/** A request as far as the protocol that carried it is concerned. */
export interface RequestHead {
  readonly method: string;
  /** Path and query, percent-encoded. */
  readonly url: string;
  /** The value of a header, by its lower-case name. */
  header(name: string): string | undefined;
  /** As in ApiRequest. */
  readBody(): Uint8Array | Promise<Uint8Array>;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** As in ApiRequest. */
  onGone(callback: () => void): () => void;
}

export interface AnsweringLogger {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface AnsweringOptions {
  readonly context: Context;
  readonly router: Router;
  readonly authenticator: Authenticator;
  /** Whether /metrics needs a token that permits account-metrics. */
  readonly metricsAuth: boolean;
  /** Requests to `BASIN.` and this are for that basin. Lower case. */
  readonly basinDomain: string | undefined;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  readonly logger: AnsweringLogger;
}

export class Answering {
  readonly #options: AnsweringOptions;

  constructor(options: AnsweringOptions) {
    this.#options = options;
  }

  answer(head: RequestHead): Answer | Promise<Answer> {
    const { url } = head;
    const queryAt = url.indexOf("?");
    const path = queryAt < 0 ? url : url.slice(0, queryAt);
    try {
      const answer =
        this.#fixedRoute(head, path) ?? this.#api(head, path, queryAt < 0 ? undefined : url.slice(queryAt + 1));
      return answer instanceof Promise ? answer.catch((error: unknown) => this.#refusal(path, error)) : answer;
    } catch (error) {
      return this.#refusal(path, error);
    }
  }

  #refusal(path: string, error: unknown): Reply {
    const failure = errorReply(error);
    if (failure.unexpected) {
      this.#options.logger.error(
        { path, error: error instanceof Error ? error.stack : String(error) },
        "a request failed unexpectedly",
      );
    }
    return failure;
  }

  /** A request of the API. Errors: as `#routed`. */
  #api(head: RequestHead, path: string, query: string | undefined): Answer | Promise<Answer> {
    const { tracing } = this.#options;
    if (tracing === undefined) return this.#routed(head, path, query, undefined);
    const span = tracing.request(head.method, path, (name) => head.header(name));
    const answered = (answer: Answer): Answer => {
      span.end(answer.kind === "session" ? 200 : answer.status);
      return answer;
    };
    const failed = (error: unknown): never => {
      span.end(errorReply(error).status, errorCode(error));
      throw error;
    };
    try {
      const answer = this.#routed(head, path, query, span);
      return answer instanceof Promise ? answer.then(answered, failed) : answered(answer);
    } catch (error) {
      return failed(error);
    }
  }

  /** Finds who asks, has the request answered, and audits it. Errors: those of the router, the authenticator and the handlers. */
  #routed(
    head: RequestHead,
    path: string,
    query: string | undefined,
    span: RequestSpan | undefined,
  ): Answer | Promise<Answer> {
    const route = this.#options.router.route(head.method, path);
    span?.set({ [ROUTE_ATTRIBUTE]: route.pattern, "tailrace.operation": route.operation });
    try {
      const access = this.#options.authenticator.authenticate(head.header("authorization"));
      if (!(access instanceof Promise)) return this.#handle(head, route, query, access, span);
      return access.then(
        (known) => this.#handle(head, route, query, known, span),
        (error: unknown) => this.#failed({ method: head.method, operation: route.operation }, error),
      );
    } catch (error) {
      return this.#failed({ method: head.method, operation: route.operation }, error);
    }
  }

  #handle(
    head: RequestHead,
    route: Route,
    query: string | undefined,
    access: Access,
    span: RequestSpan | undefined,
  ): Answer | Promise<Answer> {
    const request = new RoutedRequest(head, route, query, access, this.#options.basinDomain, span);
    try {
      const answer = route.handler(this.#options.context, request);
      if (!(answer instanceof Promise)) return this.#carriedOut(request, answer);
      return answer.then(
        (known) => this.#carriedOut(request, known),
        (error: unknown) => this.#refused(request, error),
      );
    } catch (error) {
      return this.#refused(request, error);
    }
  }

  #refused(request: ApiRequest, error: unknown): never {
    request.span?.set(aimedAt(request));
    return this.#failed(request, error);
  }

  #carriedOut(request: ApiRequest, answer: Answer): Answer {
    const { audit, engine, metrics } = this.#options.context;
    countOperation(engine, request);
    request.span?.set(aimedAt(request));
    if (answer.kind === "session") return countedSession(metrics, request, answer);
    audit.carriedOut(request, answer.status, answer.headers?.["s2-provision-result"] ?? "ok");
    return answer;
  }

  #failed(request: Parameters<Context["audit"]["failed"]>[0], error: unknown): never {
    this.#options.context.audit.failed(request, error);
    throw error;
  }

  /** Routes for operators: no API, and no token but where one is asked for. */
  #fixedRoute(head: RequestHead, path: string): Reply | Promise<Reply> | undefined {
    const { method } = head;
    if (method !== "GET" && method !== "HEAD") return undefined;
    if (path === DESCRIPTION_PATH) return jsonReply(200, openApi());
    if (path.startsWith("/v1/")) return undefined;
    const { engine, drain } = this.#options.context;
    switch (path) {
      case "/health":
      case "/ping": {
        const ready = engine.ready && !drain.draining;
        return {
          kind: "reply",
          status: ready ? 200 : 503,
          contentType: "text/plain",
          body: ready ? "OK" : "not ready",
        };
      }
      case "/live":
        return { kind: "reply", status: 200, contentType: "text/plain", body: "OK" };
      case "/metrics":
        return this.#metrics(head);
      default:
        return undefined;
    }
  }

  async #metrics(head: RequestHead): Promise<Reply> {
    const { authenticator, context, metricsAuth } = this.#options;
    if (metricsAuth) {
      const operation = "account-metrics";
      try {
        const access = await authenticator.authenticate(head.header("authorization"));
        access.require(operation);
      } catch (error) {
        this.#failed({ method: head.method, operation }, error);
      }
    }
    const { metrics } = context;
    return { kind: "reply", status: 200, contentType: metrics.contentType, body: await metrics.text() };
  }
}

/** Appends and reads are counted where they happen; whatever else was carried out is counted here. */
function countOperation(engine: Context["engine"], { operation, resource }: ApiRequest): void {
  const counted = countedWith(operation);
  if (counted === "account") engine.usage.operation(operation, null);
  else if (counted === "basin" && resource !== null) engine.usage.operation(operation, resource.split("/", 1)[0]);
}

function aimedAt({ resource }: ApiRequest): SpanAttributes {
  return resource === null ? {} : { "tailrace.resource": resource };
}

function countedSession({ sessions }: Context["metrics"], request: ApiRequest, session: Session): Session {
  const { operation: kind, span } = request;
  return {
    ...session,
    async run(output) {
      sessions.inc({ kind });
      try {
        const over = session.run(output);
        span?.during(`${kind} session`, {}, over);
        await over;
      } finally {
        sessions.dec({ kind });
      }
    },
  };
}

class RoutedRequest implements ApiRequest {
  readonly #head: RequestHead;
  readonly #queryText: string | undefined;
  readonly operation: Operation;
  readonly params: Route["params"];
  readonly access: Access;
  resource: string | null = null;
  readonly span: RequestSpan | undefined;
  readonly #basinDomain: string | undefined;
  #query: Query | undefined;

  constructor(
    head: RequestHead,
    route: Route,
    queryText: string | undefined,
    access: Access,
    basinDomain: string | undefined,
    span: RequestSpan | undefined,
  ) {
    this.#head = head;
    this.span = span;
    this.operation = route.operation;
    this.params = route.params;
    this.access = access;
    this.#queryText = queryText;
    this.#basinDomain = basinDomain;
  }

  get method(): string {
    return this.#head.method;
  }

  get query(): Query {
    this.#query ??= new Query(this.#queryText);
    return this.#query;
  }

  get hostBasin(): string | undefined {
    if (this.#basinDomain === undefined) return undefined;
    return basinOfHost(this.#head.header(":authority") ?? this.#head.header("host"), this.#basinDomain);
  }

  header(name: string): string | undefined {
    return this.#head.header(name);
  }

  readBody(): Uint8Array | Promise<Uint8Array> {
    const body = this.#head.readBody();
    if (!(body instanceof Promise)) return body;
    // It may have come slowly: who asked may not ask any more.
    return body.then((whole) => {
      this.access.assertLive();
      return whole;
    });
  }

  get chunks(): AsyncIterable<Uint8Array> {
    return this.#head.chunks;
  }

  onGone(callback: () => void): () => void {
    return this.#head.onGone(callback);
  }
}
