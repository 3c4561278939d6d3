// Stands between a server and the S3 server that keeps its objects, and lets calls fail in every way that matters to the caller:
// before they take effect, after it, long after it gave up, slowly, or with an error that was not meant.
import { once } from "node:events";
import { Agent, createServer, type IncomingMessage, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Random } from "../../sim/check/testing/random.ts";
import type { Tally } from "./tally.ts";

export type StoreFault =
  /** The connection breaks before the call arrives. */
  | "store cut before"
  /** It breaks after the call took effect: the answer is lost. */
  | "store lost reply"
  /** It breaks, and the call arrives much later. */
  | "store late call"
  /** 503 instead of the call. */
  | "store 503"
  /** 500 after the call took effect. */
  | "store 500 after"
  | "store slow call";

export const STORE_FAULTS: readonly StoreFault[] = [
  "store cut before",
  "store lost reply",
  "store late call",
  "store 503",
  "store 500 after",
  "store slow call",
];

const LONGEST_DELAY_MS = 1_500;

const SLOW_DOWN =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>slow down</Message></Error>';
const INTERNAL =
  '<?xml version="1.0" encoding="UTF-8"?><Error><Code>InternalError</Code><Message>it is not known</Message></Error>';

interface Reply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

export class StoreProxy {
  readonly #target: URL;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #late = new Set<NodeJS.Timeout>();
  /** What may happen to a call, and how likely it is that something does. */
  faults: readonly StoreFault[] = [];
  likelihood = 0;

  private constructor(target: string, random: Random, tally: Tally) {
    this.#target = new URL(target);
    this.#random = random;
    this.#tally = tally;
    this.#server = createServer((incoming, outgoing) => {
      this.#handle(incoming, outgoing).catch(() => outgoing.destroy());
    });
    this.#server.keepAliveTimeout = 60_000;
  }

  static async start(target: string, random: Random, tally: Tally): Promise<StoreProxy> {
    const proxy = new StoreProxy(target, random, tally);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    // A server that listens on a port has an address with one.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    for await (const piece of incoming) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const fault = this.#random.chance(this.likelihood) ? this.#random.pick(this.faults) : undefined;
    if (fault !== undefined) this.#tally.add(fault);
    switch (fault) {
      case "store cut before":
        outgoing.destroy();
        return;
      case "store late call": {
        outgoing.destroy();
        const timer = setTimeout(
          () => {
            this.#late.delete(timer);
            // Whatever becomes of it: nobody waits for it.
            this.#forward(incoming, body).catch(() => undefined);
          },
          this.#random.fraction() * LONGEST_DELAY_MS * 2,
        );
        this.#late.add(timer);
        return;
      }
      case "store 503":
        outgoing.writeHead(503, { "content-type": "application/xml" }).end(SLOW_DOWN);
        return;
      case "store slow call":
        await new Promise((resolve) => setTimeout(resolve, this.#random.fraction() * LONGEST_DELAY_MS));
        break;
      case "store lost reply":
      case "store 500 after":
      case undefined:
        break;
    }
    const reply = await this.#forward(incoming, body);
    if (fault === "store lost reply") outgoing.destroy();
    else if (fault === "store 500 after") outgoing.writeHead(500, { "content-type": "application/xml" }).end(INTERNAL);
    else outgoing.writeHead(reply.status, reply.headers).end(reply.body);
  }

  /** The call as it came, headers and all: they are signed. */
  #forward(incoming: IncomingMessage, body: Buffer): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const { method, url, headers } = incoming;
      const { hostname, port } = this.#target;
      const call = request({ hostname, port, method, path: url, headers, agent: this.#agent, timeout: 20_000 });
      call.on("error", reject);
      call.on("timeout", () => call.destroy(new Error("the store does not answer")));
      call.on("response", (answer) => {
        const pieces: Buffer[] = [];
        answer.on("data", (piece: Buffer) => pieces.push(piece));
        answer.on("error", reject);
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 500, headers: answer.headers, body: Buffer.concat(pieces) }),
        );
      });
      call.end(body);
    });
  }

  async stop(): Promise<void> {
    for (const timer of this.#late) clearTimeout(timer);
    this.#agent.destroy();
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}
