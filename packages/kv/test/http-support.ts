// The HTTP port in this process over a simulated log, and a client of it that shows everything.
import { systemRuntime } from "@tailrace/replica";
import { SimulatedStream } from "../../replica/src/testing/simulated-log.ts";
import { type HttpOptions, HttpServer, Store, type StoreOptions } from "../src/index.ts";

const SILENT = { debug: () => undefined, error: () => undefined };

export class LocalHttp {
  readonly stream: SimulatedStream;
  readonly store: Store;
  readonly server: HttpServer;
  readonly url: string;
  /** What the server found wrong with itself. */
  readonly failures: object[];

  private constructor(stream: SimulatedStream, store: Store, server: HttpServer, failures: object[]) {
    this.stream = stream;
    this.store = store;
    this.server = server;
    this.failures = failures;
    this.url = `http://127.0.0.1:${server.port}`;
  }

  static async start(
    options: Partial<StoreOptions & HttpOptions> = {},
    stream = new SimulatedStream(systemRuntime, { delayMs: 1, loss: 0, down: false }),
  ): Promise<LocalHttp> {
    const wallMs = () => systemRuntime.monotonicMs();
    const store = await Store.open({ log: stream.connect(), wallMs, historyBytes: 1024 * 1024, ...options });
    const failures: object[] = [];
    const log = { ...SILENT, error: (fields: object) => failures.push(fields) };
    const server = await HttpServer.listen({ host: "127.0.0.1", port: 0, store: () => store, log, ...options });
    return new LocalHttp(stream, store, server, failures);
  }

  /** Its bytes, and its JSON where it is. */
  async ask(method: string, path: string, { body, headers = {} }: AskOptions = {}): Promise<Asked> {
    const response = await fetch(this.url + path, { method, headers, body: bodyOf(body) });
    const bytes = Buffer.from(await response.arrayBuffer());
    const isJson = response.headers.get("content-type") === "application/json" && bytes.length > 0;
    return {
      status: response.status,
      headers: response.headers,
      bytes,
      json: isJson ? JSON.parse(bytes.toString()) : undefined,
    };
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Asked> {
    return this.ask("GET", path, { headers });
  }

  put(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Asked> {
    return this.ask("PUT", path, { body, headers });
  }

  transact(transaction: object): Promise<Asked> {
    return this.ask("POST", "/v1/transactions", { body: JSON.stringify(transaction) });
  }

  /** A command of Redis, as it changes the log. */
  async redis(...args: string[]): Promise<void> {
    await this.store.write({ commands: [args] });
  }

  async stop(): Promise<void> {
    await this.server.close(0);
    await this.store.close();
  }
}

/** As bytes: text would be sent with a content type that nobody asked for. */
function bodyOf(body: AskOptions["body"] = ""): NonNullable<RequestInit["body"]> | null {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return bytes instanceof Uint8Array && bytes.length === 0 ? null : (bytes as NonNullable<RequestInit["body"]>);
}

export interface AskOptions {
  readonly body?: string | Uint8Array | ReadableStream;
  readonly headers?: Record<string, string>;
}

export interface Asked {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;
  /** Untyped: what tests compare. */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for.
  readonly json: any;
}

export interface SentEvent {
  readonly event: string | undefined;
  readonly id: string | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for.
  readonly data: any;
}

/** Server-sent events as they come. */
export class EventStream {
  readonly #abort = new AbortController();
  readonly #events: AsyncGenerator<SentEvent>;

  private constructor(response: Response, abort: AbortController) {
    this.#abort = abort;
    this.#events = eventsOf(response);
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventStream> {
    const abort = new AbortController();
    const response = await fetch(url, { headers, signal: abort.signal });
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
    return new EventStream(response, abort);
  }

  /** Undefined at the end. */
  async next(): Promise<SentEvent | undefined> {
    const { value, done } = await this.#events.next();
    return done === true ? undefined : value;
  }

  close(): void {
    this.#abort.abort();
  }
}

async function* eventsOf(response: Response): AsyncGenerator<SentEvent> {
  let text = "";
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const fields = new Map(
          text
            .slice(0, end)
            .split("\n")
            .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
        );
        text = text.slice(end + 2);
        const data = fields.get("data");
        yield { event: fields.get("event"), id: fields.get("id"), data: data && JSON.parse(data) };
      }
    }
  } catch (error) {
    if (!(error instanceof Error && error.name === "AbortError")) throw error;
  }
}
