// The HTTP port: connections over TCP or TLS within its bounds, requests to handlers, answers and refusals back. Health and
// metrics answer whatever the store does. Knows no route by name.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Socket } from "node:net";
import type { RespServer } from "../resp/server.ts";
import type { Store } from "../store/store.ts";
import { Guard } from "./auth.ts";
import { Bodies } from "./body.ts";
import { ApiError, apiErrorOf } from "./errors.ts";
import { type Answer, json, type Stream } from "./exchange.ts";
import { healthOf } from "./health.ts";
import {
  DEFAULT_MAX_CONNECTIONS,
  HEAD_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  MAX_HEAD_BYTES,
  REQUEST_TIMEOUT_MS,
} from "./limits.ts";
import { HttpMetrics } from "./metrics.ts";
import { OPENAPI_PATH, openApi } from "./openapi/description.ts";
import { Router, routes } from "./routes.ts";
import { Target } from "./target.ts";
import { Watches } from "./watches.ts";

const FIXED_PATHS = ["/health", "/live", "/metrics", OPENAPI_PATH];

export interface HttpLogger {
  debug(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface HttpOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** Undefined until the replica has caught up. */
  readonly store: () => Store | undefined;
  /** Of the same replica: for its figures. */
  readonly redis?: RespServer | undefined;
  readonly tls?: { readonly cert: Buffer | string; readonly key: Buffer | string } | undefined;
  /** What clients must show as their bearer token; undefined: nobody is asked. */
  readonly token?: string | undefined;
  /** Whether /metrics needs it, too. Default: false. */
  readonly metricsAuth?: boolean | undefined;
  readonly maxConnections?: number | undefined;
  readonly log: HttpLogger;
}

export class HttpServer {
  readonly #metrics: HttpMetrics;
  readonly #options: HttpOptions;
  readonly #server: Server;
  readonly #guard: Guard;
  readonly #bodies = new Bodies();
  readonly #watches = new Watches();
  readonly #router = new Router(routes(this.#watches));
  readonly #sockets = new Set<Socket>();
  #isClosing = false;
  #port: number;

  /** Rejects where the address cannot be listened on. */
  static async listen(options: HttpOptions): Promise<HttpServer> {
    const server = new HttpServer(options);
    await server.#listen();
    return server;
  }

  private constructor(options: HttpOptions) {
    this.#options = options;
    this.#port = options.port;
    this.#guard = new Guard(options.token);
    const { store, redis } = options;
    this.#metrics = new HttpMetrics({ store, redis, watches: () => this.#watches.size });
    const bounds = {
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: HEAD_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: IDLE_TIMEOUT_MS,
      noDelay: true,
    };
    this.#server = options.tls === undefined ? createServer(bounds) : createTlsServer({ ...bounds, ...options.tls });
    this.#server.maxConnections = options.maxConnections ?? DEFAULT_MAX_CONNECTIONS;
    this.#server.setTimeout(IDLE_TIMEOUT_MS);
    const answer = (request: IncomingMessage, response: ServerResponse): void => void this.#answer(request, response);
    this.#server.on("request", answer);
    // The body's reader asks for it, once it is sure that it wants it.
    this.#server.on("checkContinue", answer);
    this.#server.on("clientError", (error, socket) => refuseConnection(error, socket as Socket));
    this.#server.on("connection", (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("tlsClientError", (_error, socket) => socket.destroy());
  }

  get port(): number {
    return this.#port;
  }

  /** Of answers, given to connections that have not taken them yet. */
  get untakenBytes(): number {
    let bytes = 0;
    for (const socket of this.#sockets) bytes += socket.writableLength;
    return bytes;
  }

  /** Takes no more connections, ends watches; what is under way is answered, for up to `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosing = true;
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#watches.close();
    this.#server.closeIdleConnections();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }

  async #listen(): Promise<void> {
    const { host, port, log } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#server.on("error", (cause) => log.error({ error: cause.message }, "the HTTP port failed"));
    const address = this.#server.address();
    if (address !== null && typeof address === "object") this.#port = address.port;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const startedMs = performance.now();
    const method = request.method ?? "";
    const known = { route: "none" };
    let answer: Answer | Stream;
    try {
      answer = (await this.#fixed(request)) ?? (await this.#routed(request, response, known));
    } catch (cause) {
      answer = this.#refusal(cause, request);
    }
    // Who has gone is told nothing.
    if (response.destroyed) return;
    if ("start" in answer) {
      this.#metrics.answered(method, known.route, 200, undefined);
      answer.start(response);
      return;
    }
    const { status } = answer;
    response.on("close", () => {
      this.#metrics.answered(methodLabel(method), known.route, status, (performance.now() - startedMs) / 1000);
    });
    send(answer, method, response, this.#isClosing);
  }

  /** What answers whatever the store does. */
  async #fixed({ method, url, headers }: IncomingMessage): Promise<Answer | undefined> {
    const path = url?.split("?", 1)[0] ?? "";
    if (!FIXED_PATHS.includes(path)) return undefined;
    if (method !== "GET" && method !== "HEAD") {
      throw new ApiError("method_not_allowed", `${method} is not for this path`, { allow: "GET" });
    }
    switch (path) {
      case "/health":
        return this.#health();
      case "/live":
        return { status: 200, headers: { "content-type": "text/plain" }, body: "OK" };
      case "/metrics":
        if (this.#options.metricsAuth === true) this.#guard.check(headers.authorization);
        return {
          status: 200,
          headers: { "content-type": this.#metrics.contentType },
          body: await this.#metrics.text(),
        };
      default:
        return json(200, openApi());
    }
  }

  async #health(): Promise<Answer> {
    const health = this.#isClosing ? { status: "stopped" } : await healthOf(this.#options.store());
    return json(health.status === "ok" ? 200 : 503, health);
  }

  async #routed(
    request: IncomingMessage,
    response: ServerResponse,
    known: { route: string },
  ): Promise<Answer | Stream> {
    this.#guard.check(request.headers.authorization);
    const target = new Target(request.url ?? "");
    const { route, key } = this.#router.find(request.method ?? "", target.segments);
    known.route = route.path;
    const store = this.#options.store();
    if (store === undefined) throw new ApiError("unavailable", "this replica is catching up", { "retry-after": "1" });
    const body = (maxBytes: number) => this.#bodies.read(request, response, maxBytes);
    return route.handler({ store, target, request, key, body });
  }

  #refusal(cause: unknown, request: IncomingMessage): Answer {
    const error = apiErrorOf(cause) ?? this.#bug(cause, request);
    return json(error.status, { code: error.code, message: error.message }, error.headers);
  }

  #bug(cause: unknown, { method, url }: IncomingMessage): ApiError {
    const error = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    this.#options.log.error({ method, url: url?.slice(0, 1000), error }, "a request failed");
    return new ApiError("internal", "something went wrong here");
  }
}

/** Labels are few: what clients may make up is none. */
function methodLabel(method: string): string {
  return ["GET", "HEAD", "PUT", "POST", "DELETE"].includes(method) ? method : "other";
}

function send(
  { status, headers = {}, body = "" }: Answer,
  method: string,
  response: ServerResponse,
  last: boolean,
): void {
  const bytes = typeof body === "string" ? Buffer.from(body, "utf8") : body;
  if (last) response.shouldKeepAlive = false;
  const length = status === 304 ? {} : { "content-length": bytes.length };
  // Values are what clients put there: nobody should take them for anything else.
  response.writeHead(status, { ...headers, ...length, "x-content-type-options": "nosniff" });
  response.end(method === "HEAD" || status === 304 ? undefined : bytes);
}

/** What Node could not read as a request. */
function refuseConnection(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === "HPE_HEADER_OVERFLOW";
  const late = error.code === "ERR_HTTP_REQUEST_TIMEOUT";
  const status = tooLarge ? "431 Request Header Fields Too Large" : late ? "408 Request Timeout" : "400 Bad Request";
  const message = tooLarge ? `the head may have up to ${MAX_HEAD_BYTES} bytes` : late ? "too slow" : "this is no HTTP";
  const body = JSON.stringify({ code: late ? "request_timeout" : "bad_request", message });
  const head = `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  socket.end(`${head}\r\nconnection: close\r\n\r\n${body}`);
}
