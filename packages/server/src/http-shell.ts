// The shell between Node's HTTP and what answers requests: sends replies, runs sessions. HTTP/1.1 and HTTP/2 alike.
// Knows no stream and no record.
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
  type Http2Stream,
} from "node:http2";
import type { Runtime } from "@tailrace/engine/runtime";
import type { Answering, AnsweringLogger, RequestHead } from "./answering.ts";
import type { Reply, Session } from "./api-request.ts";
import { readBody } from "./body.ts";
import { onceClosed } from "./closing.ts";
import { corsHeaders, preflightHeaders } from "./cors.ts";
import { Outbox } from "./outbox.ts";
import { compressed, piecesOf, replyCompression } from "./reply-body.ts";
import { FairShare } from "./session/fair-share.ts";
import { StreamOutput, takingDeadlineMs } from "./session/output.ts";
import type { Unfinished } from "./unfinished.ts";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

const SESSION_HEADERS = { "cache-control": "no-cache, no-transform", "x-accel-buffering": "no" };

export interface ShellOptions {
  readonly answering: Answering;
  readonly runtime: Runtime;
  readonly cors: boolean;
  readonly unfinished: Unfinished;
  readonly logger: AnsweringLogger;
}

/** What Node read of a request. */
class NodeRequestHead implements RequestHead {
  readonly #request: HttpRequest;
  readonly #response: HttpResponse;
  readonly #runtime: Runtime;
  readonly #unfinished: Unfinished;

  constructor(request: HttpRequest, response: HttpResponse, { runtime, unfinished }: ShellOptions) {
    this.#request = request;
    this.#response = response;
    this.#runtime = runtime;
    this.#unfinished = unfinished;
  }

  get method(): string {
    return this.#request.method ?? "";
  }

  get url(): string {
    return this.#request.url ?? "/";
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  readBody(): Promise<Uint8Array> {
    const headers = {
      contentLength: this.header("content-length"),
      contentEncoding: this.header("content-encoding"),
    };
    return readBody(this.#request, headers, this.#runtime, this.#unfinished);
  }

  get chunks(): AsyncIterable<Uint8Array> {
    return this.#request;
  }

  onGone(callback: () => void): () => void {
    return onceClosed(wayOut(this.#response), callback);
  }
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
    const head = new NodeRequestHead(request, response, this.#options);
    if (this.#options.cors) {
      const header = (name: string) => head.header(name);
      if (request.method === "OPTIONS" && header("access-control-request-method") !== undefined) {
        const reply: Reply = { kind: "reply", status: 204, headers: preflightHeaders(header) };
        await this.#send(request, response, reply, undefined);
        return;
      }
      const headers = corsHeaders(header);
      if (headers !== undefined) for (const name in headers) response.setHeader(name, headers[name]);
    }
    const answer = await this.#options.answering.answer(head);
    if (answer.kind === "session") await this.#run(request, response, answer);
    else await this.#send(request, response, answer, head.header("accept-encoding"));
  }

  async #send(
    request: HttpRequest,
    response: HttpResponse,
    reply: Reply,
    acceptEncoding: string | undefined,
  ): Promise<void> {
    if (wayOut(response).destroyed) return;
    let { body } = reply;
    const large = typeof body === "function";
    if (typeof body === "function") {
      const pending = this.#enter(request, response);
      if (pending !== undefined) await pending;
      if (wayOut(response).destroyed) return;
      body = body();
    }
    let pieces = piecesOf(body);
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    if (large) this.#boundTaking(request, response, bytes);
    response.statusCode = reply.status;
    if (reply.contentType !== undefined) response.setHeader("content-type", reply.contentType);
    for (const name in reply.headers) response.setHeader(name, reply.headers[name]);
    const compression = replyCompression(reply.status, bytes, acceptEncoding);
    if (compression !== undefined) {
      pieces = [await compressed(pieces, compression, this.#options.runtime)];
      bytes = pieces[0].length;
      response.setHeader("content-encoding", compression);
      if (wayOut(response).destroyed) return;
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

  /** A large answer must be taken in time. */
  #boundTaking(request: HttpRequest, response: HttpResponse, bytes: number): void {
    const { timers } = this.#options.runtime;
    const deadline = timers.set(takingDeadlineMs(bytes), () => breakOff(request, response));
    onceClosed(wayOut(response), () => timers.clear(deadline));
  }

  /** Takes a place for a large answer until the client has taken it; the promise is the time to wait for one. */
  #enter(request: HttpRequest, response: HttpResponse): Promise<void> | undefined {
    const connection = "stream" in request ? request.stream.session : undefined;
    if (connection === undefined) return undefined;
    const outbox = this.#outboxes.get(connection) ?? new Outbox();
    this.#outboxes.set(connection, outbox);
    const entered = outbox.enter();
    const hold = () => {
      onceClosed(wayOut(response), () => outbox.leave());
    };
    if (entered === undefined) hold();
    return entered?.then(hold);
  }

  async #run(request: HttpRequest, response: HttpResponse, session: Session): Promise<void> {
    response.statusCode = 200;
    response.setHeader("content-type", session.contentType);
    for (const [name, value] of Object.entries(SESSION_HEADERS)) response.setHeader(name, value);
    const { runtime } = this.#options;
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
      // Whoever has gone while it was opened leaves it to end by itself: it finds its output closed.
      if (!http2.destroyed && !http2.closed) {
        const headers = { ...outgoing(response), "content-type": session.contentType, ...SESSION_HEADERS };
        http2.respond({ ":status": 200, ...headers });
      }
      output = new StreamOutput(http2, runtime, this.#share, drop);
    }
    // Also for a client that has gone: what the session holds, it alone lets go of.
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
    // A client that would go on sending is told that nobody listens: the session has failed, and has said so.
    const over = () => {
      if (request.complete) return;
      if (http2 === undefined) request.socket.destroySoon();
      else http2.close(constants.NGHTTP2_NO_ERROR);
    };
    // The end of the answer goes out first.
    const ended = () => runtime.timers.immediate(over);
    if (http2 === undefined) response.end(ended);
    else http2.end(ended);
  }
}

/** Headers that were set before it became a session: those of CORS. */
function outgoing(response: HttpResponse): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.getHeaders()))
    if (typeof value === "string") headers[name] = value;
  return headers;
}

/** What knows whether the client can still be answered: of HTTP/2 its stream, which Node's response stands beside without saying when it has gone. */
function wayOut(response: HttpResponse): ServerResponse | Http2Stream {
  return "stream" in response ? response.stream : response;
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
