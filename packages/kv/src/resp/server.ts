// The Redis port: takes connections, over TCP or TLS, up to its bound, and lets them go.
import { createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { Connection } from "./connection.ts";
import type { RespOptions, Shared } from "./context.ts";
import { DEFAULT_MAX_CLIENTS } from "./limits.ts";
import { LOCAL_COMMANDS } from "./local-commands.ts";
import { Session } from "./session.ts";
import { Stats } from "./stats.ts";

export interface ListenOptions extends RespOptions {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  readonly tls?: { readonly cert: Buffer | string; readonly key: Buffer | string } | undefined;
}

export class RespServer {
  readonly stats = new Stats();
  readonly #options: ListenOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #clients = new Map<number, Connection>();
  readonly #maxClients: number;
  #port: number;
  #nextId = 1;

  /** Rejects where the address cannot be listened on. */
  static async listen(options: ListenOptions): Promise<RespServer> {
    const server = new RespServer(options);
    await server.#listen();
    return server;
  }

  private constructor(options: ListenOptions) {
    this.#options = options;
    this.#maxClients = options.maxClients ?? DEFAULT_MAX_CLIENTS;
    this.#port = options.port;
    const { tls } = options;
    this.#server =
      tls === undefined
        ? createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
        : createTlsServer({ ...tls, allowHalfOpen: true }, (socket) => this.#accept(socket));
    this.#server.on("tlsClientError", (cause, socket) => {
      options.log.debug({ error: cause.message }, "a TLS handshake failed");
      socket.destroy();
    });
  }

  get port(): number {
    return this.#port;
  }

  /** Connections that are there now. */
  get clients(): number {
    return this.#clients.size;
  }

  /** Takes no more connections and commands; what is under way is answered, for up to `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    for (const client of this.#clients.values()) client.end();
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(timer);
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, host, () => {
        this.#server.off("error", reject);
        resolve();
      });
    });
    this.#server.on("error", (cause) => this.#options.log.error({ error: cause.message }, "the Redis port failed"));
    const address = this.#server.address();
    if (address !== null && typeof address === "object") this.#port = address.port;
  }

  #accept(socket: Socket): void {
    this.stats.connections += 1;
    if (this.#clients.size >= this.#maxClients) {
      this.stats.rejected += 1;
      socket.on("error", () => socket.destroy());
      socket.end("-ERR max number of clients reached\r\n");
      return;
    }
    const id = this.#nextId;
    this.#nextId += 1;
    const authenticated = this.#options.password === undefined;
    const local = `${socket.localAddress}:${socket.localPort}`;
    const remote = `${socket.remoteAddress}:${socket.remotePort}`;
    const session = new Session(id, remote, local, authenticated, Date.now());
    this.#sockets.add(socket);
    const connection = new Connection(socket, session, this.#shared(), () => {
      this.#clients.delete(id);
      this.#sockets.delete(socket);
    });
    this.#clients.set(id, connection);
  }

  #shared(): Shared {
    return {
      options: this.#options,
      maxClients: this.#maxClients,
      port: this.#port,
      clients: this.#clients,
      stats: this.stats,
      localCommands: LOCAL_COMMANDS,
    };
  }
}
