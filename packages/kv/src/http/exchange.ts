// A request as handlers get it, and the answer as they give it.
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Store } from "../store/store.ts";
import type { Target } from "./target.ts";

export interface Exchange {
  readonly store: Store;
  readonly target: Target;
  readonly request: IncomingMessage;
  /** From the path; empty where the route names none. */
  readonly key: string;
  /** Rejects with `ApiError`. */
  body(maxBytes: number): Promise<Buffer>;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as UTF-8. */
  readonly body?: string | Buffer;
}

/** An answer that goes on: has the response from then on. */
export interface Stream {
  start(response: ServerResponse): void;
}

export type Handler = (exchange: Exchange) => Promise<Answer | Stream>;

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(value) };
}
