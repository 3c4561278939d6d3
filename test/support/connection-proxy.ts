// Stands between clients and servers, at an address that stays, and does to connections what networks do: cuts them, slows them, lets
// answers get lost. Knows nothing of what is in them.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { pipeline, Transform } from "node:stream";

/** What is done to a new connection's answers, and later cuts it. */
const LOST_REPLY_AFTER_MS = 200;

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Nothing that the server says gets through any more. */
  deaf: boolean;
}

export class ConnectionProxy {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  /** What every piece of data takes longer. */
  delayMs = 0;

  private constructor(target: () => string | undefined) {
    this.#server = createServer((client) => this.#accept(client, target()));
  }

  /** `target` says for each new connection which server it goes to, by URL; undefined refuses it. */
  static async start(target: () => string | undefined): Promise<ConnectionProxy> {
    const proxy = new ConnectionProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    // A server that listens on a port has an address with one.
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #accept(client: Socket, target: string | undefined): void {
    if (target === undefined) {
      client.destroy();
      return;
    }
    const { hostname, port } = new URL(target);
    const server = connect(Number(port), hostname);
    const link: Link = { client, server, deaf: false };
    this.#links.add(link);
    const end = () => {
      this.#links.delete(link);
      client.destroy();
      server.destroy();
    };
    pipeline(client, this.#delay(), server, end);
    pipeline(
      server,
      this.#delay(() => link.deaf),
      client,
      end,
    );
  }

  #delay(isDeaf: () => boolean = () => false): Transform {
    return new Transform({
      transform: (piece, _encoding, done) => {
        const pass = () => (isDeaf() ? done() : done(null, piece));
        if (this.delayMs === 0) pass();
        else setTimeout(pass, this.delayMs);
      },
    });
  }

  /** Cuts each connection that `chosen` picks. Returns how many. */
  cut(chosen: () => boolean): number {
    return this.#each(chosen, ({ client, server }) => {
      client.destroy();
      server.destroy();
    });
  }

  /** Requests still go through on the connections that `chosen` picks, answers do not; after a while they are cut. Returns how many. */
  loseReplies(chosen: () => boolean): number {
    return this.#each(chosen, (link) => {
      link.deaf = true;
      setTimeout(() => link.client.destroy(), LOST_REPLY_AFTER_MS);
    });
  }

  #each(chosen: () => boolean, act: (link: Link) => void): number {
    let count = 0;
    for (const link of [...this.#links]) {
      if (!chosen()) continue;
      act(link);
      count += 1;
    }
    return count;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut(() => true);
    await closed;
  }
}
