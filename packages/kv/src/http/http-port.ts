// The HTTP port: health and metrics.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { healthOf } from "./health.ts";
import { type MetricsSource, metricsOf } from "./metrics.ts";

export interface HttpOptions extends MetricsSource {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** Of health and metrics, which fit into one packet or two. */
const REQUEST_TIMEOUT_MS = 10_000;

export class HttpPort {
  readonly #server: Server;
  readonly #source: MetricsSource;
  readonly #metrics: ReturnType<typeof metricsOf>;

  /** Rejects where the address cannot be listened on. */
  static async listen(options: HttpOptions): Promise<HttpPort> {
    const port = new HttpPort(options);
    await new Promise<void>((resolve, reject) => {
      port.#server.once("error", reject);
      port.#server.listen(options.port, options.host, resolve);
    });
    return port;
  }

  private constructor(source: MetricsSource) {
    this.#source = source;
    this.#metrics = metricsOf(source);
    this.#server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
      void this.#answer(request, response);
    });
  }

  get port(): number {
    const address = this.#server.address();
    return address !== null && typeof address === "object" ? address.port : 0;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer({ method, url = "/" }: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = url.split("?", 1)[0];
    if (method !== "GET" && method !== "HEAD")
      send(response, 405, "application/json", '{"error":"method not allowed"}\n');
    else if (path === "/health") {
      const health = await healthOf(this.#source.store());
      send(response, health.status === "ok" ? 200 : 503, "application/json", `${JSON.stringify(health)}\n`);
    } else if (path === "/metrics") {
      send(response, 200, this.#metrics.contentType, await this.#metrics.metrics());
    } else send(response, 404, "application/json", '{"error":"not found"}\n');
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body) });
  response.end(body);
}
