// The shell between Node's HTTP and the handlers: parses a request, has it answered, sends the answer. HTTP/1.1 and HTTP/2 alike.
// Knows no stream and no record.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse, Http2Session } from "node:http2";
import type { Authenticator } from "./access/authenticator.ts";
import type { Answer, ApiRequest, Reply, ReplyBody, Session } from "./api-request.ts";
import { readBody } from "./body.ts";
import type { Context } from "./context.ts";
import { corsHeaders, preflightHeaders } from "./cors.ts";
import { errorReply } from "./errors.ts";
import { acceptedCompression } from "./media.ts";
import { Outbox } from "./outbox.ts";
import { Query } from "./query.ts";
import type { Router } from "./router.ts";
import { FairShare } from "./session/fair-share.ts";
import { StreamOutput, WRITE_DEADLINE_MS } from "./session/output.ts";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** Answers below this are sent as they are. */
const MIN_COMPRESSED_BYTES = 1024;

const SESSION_HEADERS = { "cache-control": "no-cache, no-transform", "x-accel-buffering": "no" };

export interface ShellLogger {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ShellOptions {
  readonly context: Context;
  readonly router: Router;
  readonly authenticator: Authenticator;
  readonly cors: boolean;
  /** Whether /metrics needs a token that permits account-metrics. */
  readonly metricsAuth: boolean;
  readonly logger: ShellLogger;
}

export class HttpShell {
  readonly #options: ShellOptions;
  readonly #share = new FairShare();
  readonly #outboxes = new WeakMap<Http2Session, Outbox>();

  constructor(options: ShellOptions) {
    this.#options = options;
  }

  /** Never rejects. */
  async handle(request: HttpRequest, response: HttpResponse): Promise<void> {
    // What goes wrong with the connection itself shows as its being closed.
    request.on("error", ignore);
    response.on("error", ignore);
    try {
      await this.#answer(request, response);
    } catch (error) {
      this.#options.logger.error(
        { error: error instanceof Error ? error.stack : String(error) },
        "an answer could not be sent",
      );
      breakOff(request, response);
    }
  }

  async #answer(request: HttpRequest, response: HttpResponse): Promise<void> {
    const { cors } = this.#options;
    const header = (name: string): string | undefined => {
      const value = request.headers[name];
      return Array.isArray(value) ? value.join(", ") : value;
    };
    const url = request.url ?? "/";
    const queryAt = url.indexOf("?");
    const path = queryAt < 0 ? url : url.slice(0, queryAt);
    if (cors) {
      if (request.method === "OPTIONS" && header("access-control-request-method") !== undefined) {
        await this.#send(
          request,
          response,
          { kind: "reply", status: 204, headers: preflightHeaders(header) },
          undefined,
        );
        return;
      }
      const headers = corsHeaders(header);
      if (headers !== undefined) for (const name in headers) response.setHeader(name, headers[name]);
    }
    let reply: Reply;
    try {
      const fixed = this.#fixedRoute(request.method ?? "", path, header);
      if (fixed !== undefined) reply = await fixed;
      else {
        const answer = await this.#api(request, path, queryAt < 0 ? undefined : url.slice(queryAt + 1), header);
        if (answer.kind === "session") {
          await this.#run(request, response, answer);
          return;
        }
        reply = answer;
      }
    } catch (error) {
      const failure = errorReply(error);
      if (failure.unexpected) {
        this.#options.logger.error(
          { path, error: error instanceof Error ? error.stack : String(error) },
          "a request failed unexpectedly",
        );
      }
      reply = failure;
    }
    await this.#send(request, response, reply, header("accept-encoding"));
  }

  /** Finds who asks, has the request answered, and audits it. Errors: those of the router, the authenticator and the handlers. */
  async #api(
    request: HttpRequest,
    path: string,
    query: string | undefined,
    header: ApiRequest["header"],
  ): Promise<Answer> {
    const { context, router, authenticator } = this.#options;
    const method = request.method ?? "";
    const { handler, operation, params } = router.route(method, path);
    let api: ApiRequest | undefined;
    try {
      const found = authenticator.authenticate(header("authorization"));
      const access = found instanceof Promise ? await found : found;
      api = {
        method,
        operation,
        params,
        query: new Query(query),
        access,
        resource: null,
        header,
        async readBody() {
          const { runtime } = context;
          const headers = {
            contentLength: header("content-length"),
            contentEncoding: header("content-encoding"),
          };
          const body = await readBody(request, headers, runtime);
          access.assertLive();
          return body;
        },
        chunks: request,
      };
      const answer = await handler(context, api);
      if (answer.kind === "reply") {
        context.audit.carriedOut(api, answer.status, answer.headers?.["s2-provision-result"] ?? "ok");
      }
      return answer;
    } catch (error) {
      context.audit.failed(api ?? { method, operation }, error);
      throw error;
    }
  }

  /** Routes for operators: no API, and no token but where one is asked for. */
  #fixedRoute(method: string, path: string, header: ApiRequest["header"]): Reply | Promise<Reply> | undefined {
    if (method !== "GET" && method !== "HEAD") return undefined;
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
        return this.#metrics(method, header);
      default:
        return undefined;
    }
  }

  async #metrics(method: string, header: ApiRequest["header"]): Promise<Reply> {
    const { authenticator, context, metricsAuth } = this.#options;
    if (metricsAuth) {
      const operation = "account-metrics";
      try {
        const access = await authenticator.authenticate(header("authorization"));
        access.require(operation);
      } catch (error) {
        context.audit.failed({ method, operation }, error);
        throw error;
      }
    }
    const { metrics } = context;
    return { kind: "reply", status: 200, contentType: metrics.contentType, body: await metrics.text() };
  }

  async #send(
    request: HttpRequest,
    response: HttpResponse,
    reply: Reply,
    acceptEncoding: string | undefined,
  ): Promise<void> {
    if (response.destroyed) return;
    let { body } = reply;
    if (typeof body === "function") {
      const pending = this.#enter(request, response);
      if (pending !== undefined) await pending;
      if (response.destroyed) return;
      body = body();
    }
    let pieces = piecesOf(body);
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    response.statusCode = reply.status;
    if (reply.contentType !== undefined) response.setHeader("content-type", reply.contentType);
    for (const name in reply.headers) response.setHeader(name, reply.headers[name]);
    const compression =
      bytes > MIN_COMPRESSED_BYTES && reply.status < 400 ? acceptedCompression(acceptEncoding) : undefined;
    if (compression !== undefined) {
      pieces = [
        await this.#options.context.runtime.threads.compress(
          compression,
          pieces.length === 1 ? pieces[0] : Buffer.concat(pieces),
        ),
      ];
      bytes = pieces[0].length;
      response.setHeader("content-encoding", compression);
      if (response.destroyed) return;
    }
    if (reply.status !== 204) response.setHeader("content-length", bytes);
    // A body that nobody has read to its end cannot be followed by another request.
    const unread = !request.complete;
    if (unread && request.httpVersionMajor === 1) response.setHeader("connection", "close");
    for (let i = 0; i < pieces.length - 1; i += 1) writeTo(response, pieces[i]);
    const last = pieces.at(-1);
    if (last === undefined) response.end();
    else response.end(last);
    if (unread) request.resume();
  }

  /** Takes a place for a large answer until the client has taken it, which it must in time; the promise is the time to wait for one. */
  #enter(request: HttpRequest, response: HttpResponse): Promise<void> | undefined {
    const { timers } = this.#options.context.runtime;
    const connection = "stream" in request ? request.stream.session : undefined;
    let outbox: Outbox | undefined;
    if (connection !== undefined) {
      outbox = this.#outboxes.get(connection) ?? new Outbox();
      this.#outboxes.set(connection, outbox);
    }
    const entered = outbox?.enter();
    const hold = () => {
      const deadline = timers.set(WRITE_DEADLINE_MS, () => breakOff(request, response));
      const leave = () => {
        timers.clear(deadline);
        outbox?.leave();
      };
      if (response.destroyed) leave();
      else response.once("close", leave);
    };
    if (entered === undefined) hold();
    return entered?.then(hold);
  }

  async #run(request: HttpRequest, response: HttpResponse, session: Session): Promise<void> {
    response.statusCode = 200;
    response.setHeader("content-type", session.contentType);
    for (const [name, value] of Object.entries(SESSION_HEADERS)) response.setHeader(name, value);
    const { runtime } = this.#options.context;
    const drop = () => breakOff(request, response);
    const http2 = "stream" in response ? response.stream : undefined;
    let output: StreamOutput;
    if (!("stream" in response) || http2 === undefined) {
      if ("flushHeaders" in response) response.flushHeaders();
      // It may be silent for as long as it likes.
      request.socket.setTimeout(0);
      output = new StreamOutput(response, runtime, this.#share, drop);
    } else {
      // Past the compatibility layer: a session's frames go straight to the HTTP/2 stream.
      http2.respond({ ":status": 200, ...outgoing(response), "content-type": session.contentType, ...SESSION_HEADERS });
      output = new StreamOutput(http2, runtime, this.#share, drop);
    }
    try {
      await session.run(output);
    } catch (error) {
      this.#options.logger.error(
        { error: error instanceof Error ? error.stack : String(error) },
        "a session failed unexpectedly",
      );
      breakOff(request, response);
      return;
    }
    if (output.closed) return;
    if (http2 === undefined) response.end();
    else http2.end();
    // What a client still sends is thrown away.
    request.resume();
  }
}

function piecesOf(body: ReplyBody | undefined): readonly Uint8Array[] {
  if (body === undefined) return [];
  if (typeof body === "string") return [Buffer.from(body)];
  return body instanceof Uint8Array ? [body] : body;
}

/** Headers that were set before it became a session: those of CORS. */
function outgoing(response: HttpResponse): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.getHeaders()))
    if (typeof value === "string") headers[name] = value;
  return headers;
}

/** Both kinds of response have this method; only their union hides it. */
function writeTo(response: HttpResponse, piece: Uint8Array): void {
  if ("stream" in response) response.write(piece);
  else response.write(piece);
}

function breakOff(request: HttpRequest, response: HttpResponse): void {
  response.destroy();
  request.destroy();
}

function ignore(): void {}
