// One plain port for HTTP/1.1 and HTTP/2 with prior knowledge: the first bytes of a connection say which it is.
// With TLS, ALPN says so. Owns connections, their limits and their end; knows no request.
import { createServer as createHttp1, type Server as Http1Server } from "node:http";
import {
  constants,
  createServer as createHttp2,
  createSecureServer,
  type Http2SecureServer,
  type Http2Server,
  type ServerHttp2Session,
} from "node:http2";
import { type AddressInfo, createServer as createNet, type Server as NetServer, type Socket } from "node:net";
import type { HttpRequest, HttpResponse } from "./http-shell.ts";

export interface TlsFiles {
  /** PEM. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export type HttpHandler = (request: HttpRequest, response: HttpResponse) => void;

/** The beginning of HTTP/2's connection preface: no HTTP/1 request begins like this. */
const PREFACE = Buffer.from("PRI * HTTP/2.0");
/** Within this a new connection must have said something. */
const FIRST_BYTES_DEADLINE_MS = 10_000;
/** A connection without requests is closed after this. */
const IDLE_CONNECTION_MS = 120_000;
const HEADERS_DEADLINE_MS = 20_000;
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
  /** MiB that a connection may hold in unsent data and unread headers before streams are refused. */
  maxSessionMemory: 64,
  maxSettings: 32,
} as const;

export class PlainPort {
  readonly #handler: HttpHandler;
  readonly #listener: NetServer | Http2SecureServer;
  readonly #http1: Http1Server;
  readonly #http2: Http2Server | Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(handler: HttpHandler, tls: TlsFiles | undefined) {
    this.#handler = handler;
    this.#http1 = createHttp1(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADERS_DEADLINE_MS,
        // Sessions last; whole bodies have a deadline of their own.
        requestTimeout: 0,
        keepAliveTimeout: IDLE_CONNECTION_MS,
        highWaterMark: 64 * 1024,
      },
      (request, response) => this.#handler(request, response),
    );
    if (tls === undefined) {
      this.#http2 = createHttp2(HTTP2_OPTIONS);
      this.#listener = createNet({ noDelay: true, pauseOnConnect: false }, (socket) => this.#sniff(socket));
    } else {
      const secure = createSecureServer({
        ...HTTP2_OPTIONS,
        cert: tls.cert,
        key: tls.key,
        allowHTTP1: true,
        ALPNProtocols: ["h2", "http/1.1"],
      });
      this.#http2 = secure;
      this.#listener = secure;
      secure.on("connection", (socket: Socket) => this.#track(socket));
    }
    this.#http2.on("request", (request, response) => this.#handler(request, response));
    this.#http2.on("session", (session) => this.#welcome(session));
    // A connection that fails is closed by Node; there is nobody to tell.
    this.#http2.on("sessionError", () => undefined);
  }

  #track(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => socket.destroy());
  }

  #sniff(socket: Socket): void {
    this.#track(socket);
    socket.setTimeout(FIRST_BYTES_DEADLINE_MS, () => socket.destroy());
    let seen: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer) => {
      seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
      const compared = Math.min(seen.length, PREFACE.length);
      const isHttp2 = seen.subarray(0, compared).equals(PREFACE.subarray(0, compared));
      if (isHttp2 && compared < PREFACE.length) return;
      socket.off("data", onData);
      socket.pause();
      socket.setTimeout(0);
      socket.removeAllListeners("timeout");
      socket.unshift(seen);
      (isHttp2 ? this.#http2 : this.#http1).emit("connection", socket);
      if (!isHttp2) socket.resume();
    };
    socket.on("data", onData);
  }

  #welcome(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.on("close", () => this.#sessions.delete(session));
    session.on("error", () => session.destroy());
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    // A session of ours may be silent for as long as it likes; only a connection without any is idle.
    let streams = 0;
    session.on("stream", (stream) => {
      streams += 1;
      stream.on("close", () => {
        streams -= 1;
      });
    });
    session.setTimeout(IDLE_CONNECTION_MS, () => {
      if (streams === 0) session.close();
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
    for (const session of this.#sessions) {
      // A session that is over stays here until its socket has closed.
      if (session.destroyed || session.closed) continue;
      session.goaway(constants.NGHTTP2_NO_ERROR);
      session.close();
    }
  }

  /** Breaks off what is left. */
  destroy(): void {
    if (this.#listener.listening) this.#listener.close();
    for (const session of this.#sessions) if (!session.destroyed) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    this.#http1.closeAllConnections();
  }

  get connections(): number {
    return this.#sockets.size;
  }
}
