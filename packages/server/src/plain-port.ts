// One plain port for HTTP/1.1 and HTTP/2 with prior knowledge: the first bytes of a connection say which it is.
// HTTP/1.1 begins in the fast lane, and goes to Node's server with the first request that is not plain.
// With TLS, ALPN says so. Owns connections, their limits and their end; knows no request.
import {
  createServer as createHttp1,
  type Server as Http1Server,
  type IncomingMessage,
  type ServerResponse,
} from "node:http";
import {
  constants,
  createServer as createHttp2,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, createServer as createNet, type Server as NetServer, Socket } from "node:net";
import type { Runtime } from "@tailrace/engine/runtime";
import type { RequestHead } from "./answering.ts";
import type { Answer } from "./api-request.ts";
import { EndOfTurn } from "./fast-lane/end-of-turn.ts";
import { FastLane, type FastLaneOptions } from "./fast-lane/fast-lane.ts";
import type { HttpRequest, HttpResponse } from "./http-shell.ts";

export interface TlsFiles {
  /** PEM. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface PortOptions {
  readonly runtime: Runtime;
  /** Answers a request that Node has read. */
  readonly handle: (request: HttpRequest, response: HttpResponse) => void;
  /** Answers a plain request. Never rejects. */
  readonly answer: (request: RequestHead) => Answer | Promise<Answer>;
  readonly tls: TlsFiles | undefined;
  readonly deadlines: ConnectionDeadlines | undefined;
}

/** The beginning of HTTP/2's connection preface: no HTTP/1 request begins like this. */
const PREFACE = Buffer.from("PRI * HTTP/2.0");
/** How long a connection may keep silent, in milliseconds. */
export interface ConnectionDeadlines {
  /** A new connection must have said something. */
  readonly firstBytesMs: number;
  /** The headers of a request must be there. */
  readonly headersMs: number;
  /** A connection without requests is closed, and so is one on which answers go untaken. */
  readonly idleMs: number;
}

const DEADLINES: ConnectionDeadlines = { firstBytesMs: 10_000, headersMs: 20_000, idleMs: 120_000 };
/** The kernel looks after this whether a silent peer is still there. */
const KEEP_ALIVE_MS = 60_000;
/** Requests that may wait on an HTTP/1.1 connection for the one before: far more than anybody pipelines on purpose. */
const MAX_PIPELINED = 1_000;
const MAX_HEADER_BYTES = 32 * 1024;
const MAX_CONCURRENT_STREAMS = 1_000;
/** What a client may send on one stream before we take it: a 64 KiB window would throttle every session. */
const STREAM_WINDOW_BYTES = 4 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 16 * 1024 * 1024;

const HTTP2_OPTIONS = {
  settings: {
    initialWindowSize: STREAM_WINDOW_BYTES,
    maxConcurrentStreams: MAX_CONCURRENT_STREAMS,
    maxHeaderListSize: MAX_HEADER_BYTES,
    maxFrameSize: 64 * 1024,
    enablePush: false,
  },
  /** MiB of unsent data and unread headers, beyond which a connection is broken off: sessions and answers keep well below it. */
  maxSessionMemory: 1024,
  maxSettings: 32,
} as const;

const HTTP1_OPTIONS = {
  maxHeaderSize: MAX_HEADER_BYTES,
  highWaterMark: 64 * 1024,
} as const;

/** How often Node looks for connections whose headers are late, for each of the time that they have. */
const LOOKS_PER_DEADLINE = 4;

export class PlainPort {
  readonly #handle: PortOptions["handle"];
  readonly #fastLaneOptions: FastLaneOptions;
  readonly #fastLanes = new Set<FastLane>();
  readonly #deadlines: ConnectionDeadlines;
  readonly #listener: NetServer | Http2SecureServer;
  readonly #http1: Http1Server;
  readonly #http2: Http2Server | Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();
  /** How many requests of an HTTP/1.1 connection wait for their turn. */
  readonly #pipelined = new WeakMap<Socket, number>();

  constructor({ runtime, handle, answer, tls, deadlines = DEADLINES }: PortOptions) {
    this.#handle = handle;
    this.#deadlines = deadlines;
    this.#fastLaneOptions = {
      runtime,
      answer,
      handOver: (lane, unread) => {
        this.#fastLanes.delete(lane);
        this.#toNode(this.#http1, lane.socket, unread);
      },
      endOfTurn: new EndOfTurn(runtime, () => this.#fastLanes.size),
      maxHeadBytes: MAX_HEADER_BYTES,
      idleMs: deadlines.idleMs,
    };
    const onHttp1 = (request: IncomingMessage, response: ServerResponse) => this.#inTurn(request, response);
    const http1Options = { ...HTTP1_OPTIONS, connectionsCheckingInterval: deadlines.headersMs / LOOKS_PER_DEADLINE };
    this.#http1 = withDeadlines(createHttp1(http1Options, onHttp1), deadlines);
    if (tls === undefined) {
      // It never listens, and so would never begin to look after its connections: the deadline of their headers, and which of them are idle.
      this.#http1.emit("listening");
      this.#http2 = createHttp2(HTTP2_OPTIONS);
      this.#listener = createNet({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) =>
        this.#sniff(socket),
      );
    } else {
      const secure = createSecureServer({
        ...HTTP2_OPTIONS,
        ...HTTP1_OPTIONS,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: KEEP_ALIVE_MS,
        handshakeTimeout: deadlines.firstBytesMs,
        cert: tls.cert,
        key: tls.key,
        allowHTTP1: true,
        ALPNProtocols: ["h2", "http/1.1"],
      });
      this.#http2 = withDeadlines(secure, deadlines);
      // Of HTTP/1.1 connections; those of HTTP/2 have a rule of their own.
      secure.on("timeout", (idle: unknown) => {
        if (idle instanceof Socket) idle.destroy();
      });
      this.#listener = secure;
      secure.on("connection", (socket: Socket) => this.#track(socket));
    }
    this.#http2.on("request", (request: HttpRequest, response: HttpResponse) => {
      // TLS brings both kinds here.
      if ("stream" in response) this.#handle(request, response);
      else this.#inTurn(request, response);
    });
    this.#http2.on("session", (session) => this.#welcome(session));
    // A connection that fails is closed by Node; there is nobody to tell.
    this.#http2.on("sessionError", () => undefined);
  }

  /** Requests of an HTTP/1.1 connection are answered one after another: what is pipelined is not even looked at before its turn. */
  #inTurn(request: HttpRequest, response: ServerResponse): void {
    // Node gives an answer its socket when the one before is done.
    if (response.socket !== null) {
      this.#handle(request, response);
      return;
    }
    const { socket } = request;
    const waiting = (this.#pipelined.get(socket) ?? 0) + 1;
    this.#pipelined.set(socket, waiting);
    if (waiting > MAX_PIPELINED) {
      socket.destroy();
      return;
    }
    response.once("socket", () => {
      this.#pipelined.set(socket, (this.#pipelined.get(socket) ?? 1) - 1);
      this.#handle(request, response);
    });
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  }

  #sniff(socket: Socket): void {
    this.#track(socket);
    socket.setTimeout(this.#deadlines.firstBytesMs, () => socket.destroy());
    let seen: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const compared = Math.min(seen.length, PREFACE.length);
      const isHttp2 = seen.subarray(0, compared).equals(PREFACE.subarray(0, compared));
      if (isHttp2 && compared < PREFACE.length) return;
      socket.off("data", onData);
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      if (isHttp2) this.#toNode(this.#http2, socket, seen);
      else this.#toFastLane(socket, seen);
    };
    socket.on("data", onData);
  }

  #toFastLane(socket: Socket, seen: Buffer): void {
    const lane = new FastLane(socket, this.#fastLaneOptions);
    this.#fastLanes.add(lane);
    socket.once("close", () => this.#fastLanes.delete(lane));
    lane.take(seen);
  }

  #toNode(server: Http1Server | Http2Server | Http2SecureServer, socket: Socket, unread: Buffer): void {
    socket.pause();
    if (unread.length > 0) socket.unshift(unread);
    server.emit("connection", socket);
    if (server === this.#http1) socket.resume();
  }

  #welcome(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.on("close", () => this.#sessions.delete(session));
    session.on("error", () => session.destroy());
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    // A session of ours may be silent for as long as it likes; only a connection without any is idle.
    const streams = new Set<ServerHttp2Stream>();
    session.on("stream", (stream) => {
      streams.add(stream);
      stream.on("close", () => streams.delete(stream));
    });
    session.setTimeout(this.#deadlines.idleMs, () => {
      // An answer that is complete and still here is one that the client does not take.
      const untaken = [...streams].filter((stream) => stream.writableEnded);
      for (const stream of untaken) stream.close(constants.NGHTTP2_CANCEL);
      if (untaken.length === streams.size) session.close();
    });
  }

  /** Rejects with the system's error (EADDRINUSE, …). */
  listen(host: string, port: number): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#listener.once("error", reject);
      this.#listener.listen({ host, port, backlog: 4096 }, () => {
        this.#listener.off("error", reject);
        // A listening TCP server has an address of this kind.
        resolve(this.#listener.address() as AddressInfo);
      });
    });
  }

  /** Takes no new connections, lets go of idle ones, and asks clients to go elsewhere. */
  stopAccepting(): void {
    this.#listener.close();
    this.#http1.closeIdleConnections();
    for (const lane of this.#fastLanes) lane.end();
    for (const session of this.#sessions) {
      // A session that is over stays here until its socket has closed.
      if (session.destroyed || session.closed) continue;
      session.goaway(constants.NGHTTP2_NO_ERROR);
      session.close();
    }
  }

  /** Breaks off what is left. */
  destroy(): void {
    // It ends looking after connections, and has none of its own to wait for.
    this.#http1.close(() => undefined);
    if (this.#listener.listening) this.#listener.close();
    for (const session of this.#sessions) if (!session.destroyed) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.#http1.closeAllConnections();
  }

  get connections(): number {
    return this.#sockets.size;
  }
}

/** What every HTTP/1.1 connection has to keep to, over TLS or not. */
function withDeadlines<S extends Http1Server | Http2SecureServer>(server: S, deadlines: ConnectionDeadlines): S {
  // The types of Node's secure HTTP/2 server leave out what it has of an HTTP/1.1 server.
  const timeouts = server as unknown as Http1Server;
  timeouts.headersTimeout = deadlines.headersMs;
  // Sessions last; whole bodies have a deadline of their own.
  timeouts.requestTimeout = 0;
  timeouts.keepAliveTimeout = deadlines.idleMs;
  timeouts.timeout = deadlines.idleMs;
  return server;
}
