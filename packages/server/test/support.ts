// A server in this process over a store in memory, and the official SDK as its client.

import { S2, S2Endpoints } from "@s2-dev/streamstore";
import { Engine } from "@tailrace/engine";
import { MemoryStore, type ObjectStore } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { type RunningServer, type ServerOptions, startServer } from "../src/index.ts";

export const BASIN = "server-tests";
export const HEADERS = { "s2-basin": BASIN };

export interface TestServer {
  readonly server: RunningServer;
  readonly engine: Engine;
  readonly url: string;
  stop(): Promise<void>;
}

export async function serve(
  options: { store?: ObjectStore; engine?: Engine } & Omit<Partial<ServerOptions>, "engine"> = {},
): Promise<TestServer> {
  const runtime = options.runtime ?? systemRuntime;
  const engine = options.engine ?? (await Engine.open({ runtime, store: options.store ?? new MemoryStore() }));
  await engine.basins.ensure(BASIN, { defaultStreamConfig: {}, createStreamOnAppend: true, createStreamOnRead: false });
  const logger = { info: () => undefined, error: (fields: object, message: string) => console.error(message, fields) };
  const server = await startServer({ runtime, logger, host: "127.0.0.1", port: 0, ...options, engine });
  return {
    server,
    engine,
    url: server.url,
    async stop() {
      server.close();
      await engine.close();
    },
  };
}

export function client(url: string, options: Partial<ConstructorParameters<typeof S2>[0]> = {}): S2 {
  return new S2({ accessToken: "any", endpoints: new S2Endpoints({ account: url, basin: url }), ...options });
}
