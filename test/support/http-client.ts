// Plain HTTP to a server under test, over connections that are kept: what `curl` would do, without starting one each time.
import { Agent, request } from "node:http";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** One client, one connection pool. */
export class HttpClient {
  readonly url: string;
  readonly #agent = new Agent({ keepAlive: true });

  constructor(url: string) {
    this.url = url;
  }

  /** Rejects when the connection breaks, or after `timeoutMs` without an answer. */
  send(
    method: string,
    path: string,
    options: { headers?: Record<string, string>; body?: string | Uint8Array; timeoutMs?: number } = {},
  ): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const outgoing = request(`${this.url}${path}`, {
        method,
        agent: this.#agent,
        headers: options.headers,
        timeout: options.timeoutMs ?? 30_000,
      });
      outgoing.on("error", reject);
      outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
      outgoing.on("response", (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", reject);
        incoming.on("aborted", () => reject(new Error("the answer was cut off")));
        incoming.on("end", () => {
          resolve({
            status: incoming.statusCode ?? 0,
            headers: incoming.headers,
            text: Buffer.concat(chunks).toString(),
          });
        });
      });
      outgoing.end(options.body);
    });
  }

  json(
    method: string,
    path: string,
    body: unknown,
    headers: Record<string, string> = {},
    timeoutMs?: number,
  ): Promise<HttpAnswer> {
    const options = { headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) };
    return this.send(method, path, timeoutMs === undefined ? options : { ...options, timeoutMs });
  }

  close(): void {
    this.#agent.destroy();
  }
}
