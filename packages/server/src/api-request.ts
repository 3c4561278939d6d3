// A parsed request and what a handler answers: all that handlers know of HTTP. The shell around them is `http-shell.ts`.
import type { Access } from "./access/access.ts";
import type { Operation } from "./access/operations.ts";
import type { Query } from "./query.ts";
import type { FairShare } from "./session/fair-share.ts";
import type { RequestSpan } from "./tracing.ts";

export interface ApiRequest {
  readonly method: string;
  /** Percent-decoded parameters of the path. */
  readonly params: Readonly<Record<string, string | undefined>>;
  readonly query: Query;
  /** What its route is for. */
  readonly operation: Operation;
  /** What who asks may do. */
  readonly access: Access;
  /** What it turned out to be aimed at, for the audit: `BASIN`, `BASIN/STREAM`, or a token's id. */
  resource: string | null;
  /** What stands before the server's basin domain in the request's host; undefined where there is none. */
  readonly hostBasin: string | undefined;
  /** Where it is traced; undefined where nobody asked for traces. */
  readonly span: RequestSpan | undefined;
  /** The value of a header, by its lower-case name. */
  header(name: string): string | undefined;
  /** The whole body, inflated, the caller's own; at once when it is here. Errors: ApiError (too large, encoding, too slow; `authn` when access has ended meanwhile). */
  readBody(): Uint8Array | Promise<Uint8Array>;
  /** The body as it comes in, for sessions. Not pulling stops the client. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Calls back when the client goes without waiting for its answer (at once if it has); the answer takes the callback off. */
  onGone(callback: () => void): () => void;
}

/** What a session keeps of the request that opened it. */
export type SessionRequest = Pick<ApiRequest, "access" | "chunks" | "method" | "operation" | "resource" | "span">;

/** A body in pieces, to be sent one after another. */
export type ReplyBody = string | Uint8Array | readonly Uint8Array[];

export interface Reply {
  readonly kind: "reply";
  readonly status: number;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A function for what is large: called once there is room for it. */
  readonly body?: ReplyBody | (() => ReplyBody);
}

/** An answer that goes on: its 200 and headers go out before `run` is called. */
export interface Session {
  readonly kind: "session";
  readonly contentType: string;
  /** Ends when the session is over. An error that it lets through breaks the connection off. */
  run(output: SessionOutput): Promise<void>;
}

export type Answer = Reply | Session;

/** Where a session writes to. */
export interface SessionOutput {
  /** True once nobody listens any more. */
  readonly closed: boolean;
  /** What to write at once at most. */
  readonly share: FairShare;
  /** Calls back once, when the client has gone or gave no room for too long. */
  onClose(callback: () => void): void;
  /** Writes pieces in order; the promise, if there is one, is the time to wait before writing more. */
  write(pieces: readonly Uint8Array[]): Promise<void> | undefined;
}

export const JSON_TYPE = "application/json";
export const PROTOBUF_TYPE = "application/protobuf";

export function jsonReply(status: number, value: unknown, headers?: Readonly<Record<string, string>>): Reply {
  const reply = { kind: "reply", status, contentType: JSON_TYPE, body: JSON.stringify(value) } as const;
  return headers === undefined ? reply : { ...reply, headers };
}
