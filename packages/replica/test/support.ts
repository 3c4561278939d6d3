// A real `tailrace serve` on a file store, at an address that outlives it, for replicas through the official SDK.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { S2, type S2ClientOptions, S2Endpoints } from "@s2-dev/streamstore";
import { ConnectionProxy } from "../../../test/support/connection-proxy.ts";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { createS2Log, type Log } from "../src/index.ts";

const BASIN = "replica-tests";

export class RealLog {
  readonly #directory: string;
  #server: TailraceProcess | undefined;
  readonly #proxies: ConnectionProxy[] = [];

  private constructor() {
    this.#directory = mkdtempSync(join(tmpdir(), "tailrace-replica-"));
  }

  static async start(): Promise<RealLog> {
    const real = new RealLog();
    await real.restart();
    const client = real.client(await real.proxy());
    await new S2(client).basins.create({ basin: BASIN });
    return real;
  }

  /** Another way to the server, with its own troubles. */
  async proxy(isOpen = () => true): Promise<ConnectionProxy> {
    const proxy = await ConnectionProxy.start(() => (isOpen() ? this.#server?.url : undefined));
    this.#proxies.push(proxy);
    return proxy;
  }

  client(proxy: ConnectionProxy): S2ClientOptions {
    return { accessToken: "any", endpoints: new S2Endpoints({ account: proxy.url, basin: proxy.url }) };
  }

  async log(stream: string, proxy?: ConnectionProxy): Promise<Log> {
    const client = this.client(proxy ?? (await this.proxy()));
    return createS2Log({ client, basin: BASIN, stream, requestTimeoutMs: 3000 });
  }

  /** `kill -9`, and a new process over the same store. */
  async restart(): Promise<void> {
    const killed = this.#server;
    this.#server = undefined;
    await killed?.kill();
    this.#server = await TailraceProcess.start({ store: `file:${this.#directory}` });
  }

  async stop(): Promise<void> {
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
    await this.#server?.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
