// Real servers for real clients: `tailrace kv serve` as a process, and the Redis port in this process over a simulated log.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRuntime } from "@tailrace/replica";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { SimulatedStream } from "../../replica/src/testing/simulated-log.ts";
import type { ListenOptions } from "../src/index.ts";
import { RespServer, Store, type StoreOptions } from "../src/index.ts";

/** A directory that is gone afterwards. */
export class Directory {
  readonly path = mkdtempSync(join(tmpdir(), "tailrace-kv-"));

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export interface KvSetup {
  /** Without, with a Tailrace of its own. */
  readonly stream?: string;
  readonly store?: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Starts `tailrace kv serve` on a free port, and resolves once it answers. */
export function startKv({ stream, store, args = [], env = {} }: KvSetup): Promise<TailraceProcess> {
  const log = stream === undefined ? [] : ["--stream", stream];
  return TailraceProcess.start({
    command: ["kv", "serve", "--redis", "127.0.0.1:0", ...log],
    ...(store === undefined ? {} : { store }),
    args,
    env,
  });
}

export function portOf({ url }: TailraceProcess): number {
  return Number(new URL(url).port);
}

/** Where it listens for HTTP, with `--listen`. */
export function httpUrlOf({ output }: TailraceProcess): string {
  const [, url] = /and on (https?:\/\/\S+)/.exec(output) ?? [];
  if (url === undefined) throw new Error(`it does not listen for HTTP:\n${output}`);
  return url;
}

export function isInstalled(command: string): boolean {
  return spawnSync(command, ["--version"], { stdio: "ignore" }).error === undefined;
}

export const SILENT = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** A Redis port in this process. */
export class LocalKv {
  readonly stream: SimulatedStream;
  readonly store: Store;
  readonly server: RespServer;

  private constructor(stream: SimulatedStream, store: Store, server: RespServer) {
    this.stream = stream;
    this.store = store;
    this.server = server;
  }

  static async start(
    options: Partial<StoreOptions & ListenOptions> = {},
    stream = new SimulatedStream(systemRuntime, { delayMs: 1, loss: 0, down: false }),
  ): Promise<LocalKv> {
    const store = await Store.open({ log: stream.connect(), wallMs: () => systemRuntime.monotonicMs(), ...options });
    const server = await RespServer.listen({
      host: "127.0.0.1",
      port: 0,
      version: "test",
      log: SILENT,
      ...options,
      store: () => store,
    });
    return new LocalKv(stream, store, server);
  }

  connect(): RawClient {
    return new RawClient(this.server.port);
  }

  async stop(): Promise<void> {
    await this.server.close(0);
    await this.store.close();
  }
}

/** A connection that shows every byte. */
export class RawClient {
  readonly socket: Socket;
  received = "";
  readonly closed: Promise<void>;
  #wake: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.setEncoding("latin1");
    this.socket.on("error", () => undefined);
    this.socket.on("data", (text: string) => {
      this.received += text;
      for (const wake of this.#wake.splice(0)) wake();
    });
    this.closed = new Promise((resolve) => {
      this.socket.on("end", () => this.socket.end());
      this.socket.on("close", () => {
        for (const wake of this.#wake.splice(0)) wake();
        resolve();
      });
    });
  }

  /** Commands in one write, as clients pipeline them. */
  send(...commands: readonly (readonly string[])[]): void {
    this.write(commands.map(encoded).join(""));
  }

  write(bytes: string): void {
    this.socket.write(bytes, "latin1");
  }

  /** Resolves once exactly this has come, and takes it; rejects at something else. */
  async expect(expected: string): Promise<void> {
    while (this.received.length < expected.length && expected.startsWith(this.received) && !this.socket.closed) {
      await new Promise<void>((resolve) => this.#wake.push(resolve));
    }
    const got = this.received.slice(0, expected.length);
    if (got !== expected) throw new Error(`expected ${JSON.stringify(expected)}, got ${JSON.stringify(this.received)}`);
    this.received = this.received.slice(expected.length);
  }

  end(): void {
    this.socket.destroy();
  }
}

export function encoded(args: readonly string[]): string {
  return `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
}
