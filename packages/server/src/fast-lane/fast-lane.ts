// One HTTP/1.1 connection while its requests are plain: recognised in one look, answered with one write (docs/decisions/0011).
// Whatever is not plain, or has not come in time, goes to Node's HTTP server with the connection, for good.
// Answers in order, one request at a time; holds one unanswered request and a bounded rest of what followed it.
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { Runtime, TimerHandle } from "@tailrace/engine/runtime";
import type { RequestHead } from "../answering.ts";
import type { Answer, Reply } from "../api-request.ts";
import { wholeBody } from "../body.ts";
import { onceClosed } from "../closing.ts";
import { compressed, piecesOf, replyCompression } from "../reply-body.ts";
import { takingDeadlineMs } from "../session/output.ts";
import type { EndOfTurn } from "./end-of-turn.ts";
import { httpDate } from "./http-date.ts";
import { type PlainHead, PlainHeadReader } from "./plain-head.ts";

/** A larger body is left to Node, which takes it as it comes. */
const MAX_BODY_BYTES = 64 * 1024;
/** Within this a body must have come, else it is Node's. */
const BODY_DEADLINE_MS = 10_000;
/** What may wait behind an unanswered request before the client is no longer read from. */
const MAX_WAITING_BYTES = 256 * 1024;

const NOTHING = Buffer.alloc(0);

export interface FastLaneOptions {
  readonly runtime: Runtime;
  /** Never rejects. */
  readonly answer: (request: RequestHead) => Answer | Promise<Answer>;
  /** Takes a connection over from its lane, which has let go of it; `unread` comes before what the socket will give. */
  readonly handOver: (lane: FastLane, unread: Buffer) => void;
  /** Shared by all lanes. */
  readonly endOfTurn: EndOfTurn;
  readonly maxHeadBytes: number;
  /** A connection on which nothing moves for this long is closed. */
  readonly idleMs: number;
}

export class FastLane {
  readonly socket: Socket;
  readonly #options: FastLaneOptions;
  readonly #reader = new PlainHeadReader();
  readonly #onData = (chunk: Buffer) => this.take(chunk);
  readonly #onDrain = () => {
    this.#clear("untaken");
    this.#proceed();
  };
  readonly #onTimeout = () => this.socket.destroy();
  readonly #keepAlive: string;
  #waiting: Buffer = NOTHING;
  #answering = false;
  #closing = false;
  readonly #timers: Partial<Record<"body" | "untaken", TimerHandle>> = {};

  constructor(socket: Socket, options: FastLaneOptions) {
    this.socket = socket;
    this.#options = options;
    this.#keepAlive = `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(options.idleMs / 1000)}\r\n`;
    socket.setTimeout(options.idleMs);
    socket.on("timeout", this.#onTimeout);
    socket.on("drain", this.#onDrain);
    socket.on("data", this.#onData);
    socket.once("close", () => this.#letGo());
  }

  /** What the client has sent. */
  take(chunk: Buffer): void {
    this.#waiting = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk]);
    this.#proceed();
    if (this.#waiting.length > MAX_WAITING_BYTES) this.socket.pause();
  }

  /** Closes the connection once the request that has begun, if there is one, has been answered. */
  end(): void {
    this.#closing = true;
    if (!this.#answering && this.#waiting.length === 0) this.socket.end();
  }

  /** Answers what has come, as far as it is whole and the client takes the answers. */
  #proceed(): void {
    const { socket } = this;
    while (!this.#answering && this.#waiting.length > 0) {
      if (socket.destroyed || socket.writableEnded || socket.writableNeedDrain) return;
      const bytes = this.#waiting;
      const head = this.#reader.read(bytes, this.#options.maxHeadBytes);
      if (head === undefined || head.bodyBytes > MAX_BODY_BYTES) {
        this.#handOver();
        return;
      }
      const end = head.bodyStart + head.bodyBytes;
      if (end > bytes.length) {
        this.#timers.body ??= this.#options.runtime.timers.set(BODY_DEADLINE_MS, () => this.#handOver());
        return;
      }
      this.#clear("body");
      this.#waiting = end === bytes.length ? NOTHING : bytes.subarray(end);
      const request = new PlainRequest(head, bytes.subarray(head.bodyStart, end), socket, this.#options.runtime);
      const answer = this.#options.answer(request);
      // Most of them are there at once, and go out without waiting for another turn.
      const sent =
        answer instanceof Promise ? answer.then((late) => this.#send(request, late)) : this.#send(request, answer);
      if (sent === undefined) this.#answered();
      else this.#answeredLater(sent);
    }
    if (!this.#answering && socket.isPaused()) socket.resume();
  }

  #answeredLater(sent: Promise<void>): void {
    this.#answering = true;
    sent.then(
      () => {
        this.#answering = false;
        this.#answered();
        this.#proceed();
      },
      () => this.socket.destroy(),
    );
  }

  #answered(): void {
    const { socket } = this;
    if (this.#closing) socket.end();
    if (socket.writableNeedDrain)
      this.#timers.untaken ??= this.#options.runtime.timers.set(takingDeadlineMs(socket.writableLength), () =>
        socket.destroy(),
      );
  }

  /** At once, unless the reply is to be compressed. */
  #send(request: PlainRequest, answer: Answer): Promise<void> | undefined {
    if (answer.kind === "session") throw new Error("a session was begun for a plain request");
    // A lane has one answer at a time on its way: there is room for it.
    const body = typeof answer.body === "function" ? answer.body() : answer.body;
    if (typeof body === "string") {
      const bytes = Buffer.byteLength(body);
      const compression = replyCompression(answer.status, bytes, request.header("accept-encoding"));
      if (compression !== undefined) return this.#sendCompressed(answer, [Buffer.from(body)], compression);
      // Head and body in one string, in one write. With as many bytes as characters it is ASCII, and Latin-1 the shortest way to write it.
      this.#options.endOfTurn.hold(this.socket);
      this.socket.write(this.#head(answer, bytes) + body, bytes === body.length ? "latin1" : "utf8");
      return undefined;
    }
    const pieces = piecesOf(body);
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    const compression = replyCompression(answer.status, bytes, request.header("accept-encoding"));
    if (compression !== undefined) return this.#sendCompressed(answer, pieces, compression);
    this.#write(this.#head(answer, bytes), pieces);
    return undefined;
  }

  async #sendCompressed(reply: Reply, pieces: readonly Uint8Array[], compression: "zstd" | "gzip"): Promise<void> {
    const body = await compressed(pieces, compression, this.#options.runtime);
    this.#write(this.#head(reply, body.length, `content-encoding: ${compression}\r\n`), [body]);
  }

  #write(head: string, pieces: readonly Uint8Array[]): void {
    const socket = this.socket;
    this.#options.endOfTurn.hold(socket);
    socket.cork();
    socket.write(head, "latin1");
    for (const piece of pieces) socket.write(piece);
    socket.uncork();
  }

  /** The lines before the body. What stands in them is the server's own; no header of ours holds a line break. */
  #head(reply: Reply, bodyBytes: number, more = ""): string {
    const { status, contentType, headers } = reply;
    let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
    if (contentType !== undefined) head += `content-type: ${contentType}\r\n`;
    for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
    if (status !== 204) head += `content-length: ${bodyBytes}\r\n`;
    const ending = this.#closing ? "connection: close\r\n" : this.#keepAlive;
    return `${head}${more}date: ${httpDate(this.#options.runtime.clock.wallMs())}\r\n${ending}\r\n`;
  }

  #handOver(): void {
    const { socket } = this;
    this.#letGo();
    socket.off("data", this.#onData);
    socket.off("drain", this.#onDrain);
    socket.off("timeout", this.#onTimeout);
    socket.setTimeout(0);
    const unread = this.#waiting;
    this.#waiting = NOTHING;
    this.#options.handOver(this, unread);
  }

  #letGo(): void {
    this.#clear("body");
    this.#clear("untaken");
  }

  #clear(which: "body" | "untaken"): void {
    const timer = this.#timers[which];
    if (timer === undefined) return;
    this.#options.runtime.timers.clear(timer);
    delete this.#timers[which];
  }
}

class PlainRequest implements RequestHead {
  readonly #head: PlainHead;
  readonly #body: Buffer;
  readonly #socket: Socket;
  readonly #runtime: Runtime;

  constructor(head: PlainHead, body: Buffer, socket: Socket, runtime: Runtime) {
    this.#head = head;
    this.#body = body;
    this.#socket = socket;
    this.#runtime = runtime;
  }

  get method(): string {
    return this.#head.method;
  }

  get url(): string {
    return this.#head.url;
  }

  header(name: string): string | undefined {
    return this.#head.headers.get(name);
  }

  readBody(): Uint8Array | Promise<Uint8Array> {
    return wholeBody(this.#body, this.header("content-encoding"), this.#runtime);
  }

  get chunks(): AsyncIterable<Uint8Array> {
    throw new Error("a plain request is no session");
  }

  onGone(callback: () => void): () => void {
    return onceClosed(this.#socket, callback);
  }
}
