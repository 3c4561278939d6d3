// A TCP proxy on the loopback that counts what passes, cuts its connections on demand, and can be pointed elsewhere:
// what a client meets when the network breaks, or a server comes back at another place. Owns its sockets, nothing else.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port: number;
  /** Bytes from clients, and to them. */
  bytesUp = 0;
  bytesDown = 0;
  /** Connections that were made so far. */
  connections = 0;
  /** `http://127.0.0.1:PORT`. */
  url = "";

  private constructor(target: string) {
    this.#port = Number(new URL(target).port);
    this.#server = createServer({ noDelay: true }, (client) => this.#connect(client));
  }

  /** In front of a server on the loopback. */
  static async start(target: string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    // A listening TCP server has an address of this kind.
    proxy.url = `http://127.0.0.1:${(proxy.#server.address() as AddressInfo).port}`;
    return proxy;
  }

  #connect(client: Socket): void {
    this.connections += 1;
    const upstream = connect({ port: this.#port, host: "127.0.0.1", noDelay: true });
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ]) {
      this.#sockets.add(from);
      from.pipe(to);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        this.#sockets.delete(from);
        // What is on its way still arrives.
        to.end();
      });
    }
    client.on("data", (chunk: Buffer) => {
      this.bytesUp += chunk.length;
    });
    upstream.on("data", (chunk: Buffer) => {
      this.bytesDown += chunk.length;
    });
  }

  /** Connections from now on go to another server on the loopback. */
  redirect(target: string): void {
    this.#port = Number(new URL(target).port);
  }

  /** Breaks all connections, wherever what is on them has got to. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close(): void {
    this.#server.close();
    this.cut();
  }
}
