// The shell around the request handlers, as the server's HTTP shell is: parses a request, has it answered, sends the answer.
// The handlers, the router, the reading of bodies and the writing of sessions are the server's own.
import { Readable, Writable } from "node:stream";
import type { Runtime } from "@tailrace/engine/runtime";
import {
  type Answering,
  type FairShare,
  piecesOf,
  type Reply,
  readBody,
  type Session,
  StreamOutput,
  type Unfinished,
} from "@tailrace/server/api";
import type { Exchange } from "./exchange.ts";
import type { Connection } from "./network.ts";

export interface ShellOptions {
  readonly answering: Answering;
  readonly runtime: Runtime;
  readonly share: FairShare;
  readonly unfinished: Unfinished;
  /** A session that let an error through: never right. */
  readonly onUnexpected: (error: unknown) => void;
}

/** Answers a request. Never rejects. */
export async function answer(exchange: Exchange, options: ShellOptions): Promise<void> {
  const { request, connection } = exchange;
  const { answering, runtime, unfinished } = options;
  const body = new ConnectionReadable(connection);
  let onGone = () => {};
  connection.onServerSideClosed(() => {
    body.destroy();
    onGone();
  });
  const header = (name: string): string | undefined => request.headers[name];
  const found = await answering.answer({
    method: request.method,
    url: request.url,
    header,
    readBody: () =>
      readBody(
        body,
        { contentLength: header("content-length"), contentEncoding: header("content-encoding") },
        runtime,
        unfinished,
      ),
    chunks: body,
    onGone(callback) {
      if (body.destroyed) callback();
      else onGone = callback;
      return () => {
        onGone = () => {};
      };
    },
  });
  if (found.kind === "reply") send(exchange, found);
  else await run(exchange, found, body, options);
}

function send(exchange: Exchange, reply: Reply): void {
  const { connection } = exchange;
  exchange.respond({
    status: reply.status,
    headers: {
      ...reply.headers,
      ...(reply.contentType === undefined ? {} : { "content-type": reply.contentType }),
    },
  });
  const pieces = piecesOf(typeof reply.body === "function" ? reply.body() : reply.body);
  if (pieces.length > 0) connection.toClient.send(pieces, () => undefined);
  connection.toClient.end();
}

async function run(exchange: Exchange, session: Session, body: Readable, options: ShellOptions): Promise<void> {
  const { connection } = exchange;
  exchange.respond({ status: 200, headers: { "content-type": session.contentType } });
  const stream = new ConnectionWritable(connection);
  connection.onServerSideClosed(() => {
    body.destroy();
    stream.destroy();
  });
  const output = new StreamOutput(stream, options.runtime, options.share, () => {
    connection.break();
    stream.destroy();
  });
  try {
    await session.run(output);
  } catch (error) {
    options.onUnexpected(error);
    connection.break();
    return;
  }
  if (!output.closed) stream.end();
  // What a client still sends is thrown away.
  body.resume();
}

/** What a client sends, as Node gives it to a handler. */
class ConnectionReadable extends Readable {
  readonly #connection: Connection;
  #reading = false;

  constructor(connection: Connection) {
    super();
    this.#connection = connection;
    // A client that goes away shows as the stream's being closed.
    this.on("error", () => undefined);
  }

  override _read(): void {
    if (this.#reading) return;
    this.#reading = true;
    void this.#connection.toServer.receive().then((piece) => {
      this.#reading = false;
      if (piece === "end") this.push(null);
      else if (piece === "broken") {
        // As Node's requests do, before they close.
        this.emit("aborted");
        this.destroy();
      }
      // The handlers may write to what they are given: it is theirs.
      else this.push(Buffer.from(piece));
    });
  }
}

/** Where a session's frames go, as Node gives it to the shell. */
class ConnectionWritable extends Writable {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    super();
    this.#connection = connection;
    this.on("error", () => undefined);
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, taken: () => void): void {
    this.#connection.toClient.send([chunk], taken);
  }

  override _writev(chunks: { chunk: Uint8Array }[], taken: () => void): void {
    this.#connection.toClient.send(
      chunks.map(({ chunk }) => chunk),
      taken,
    );
  }

  override _final(done: () => void): void {
    this.#connection.toClient.end();
    done();
  }
}
