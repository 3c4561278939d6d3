// A Tailrace in this process for a log of this process: on loopback, behind a token that nobody else is told.
import { randomBytes } from "node:crypto";
import { CorruptObjectError, DeploymentError, Engine } from "@tailrace/engine";
import { ObjectStoreError } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import { type RunningServer, startServer } from "@tailrace/server";
import type { Logger } from "pino";
import { ExitCode, ExitError } from "../exit-codes.ts";
import { openStoreOrExit } from "../open-store.ts";
import { haltError, type StopSignal } from "../stop-signal.ts";

export interface EmbeddedSetup {
  /** As `tailrace serve` takes it. */
  readonly store: string;
  readonly memoryBytes: number;
  readonly logger: Logger;
  /** Told when the engine halts. */
  readonly stop: StopSignal;
}

/** Requests may take this long to end once a shutdown has begun. */
const DRAIN_GRACE_MS = 4_000;

export class EmbeddedTailrace {
  readonly url: string;
  readonly token: string;
  /** Where data is kept, for people. */
  readonly description: string;
  readonly #engine: Engine;
  readonly #server: RunningServer;

  private constructor(engine: Engine, server: RunningServer, token: string, description: string) {
    this.#engine = engine;
    this.#server = server;
    this.url = server.url;
    this.token = token;
    this.description = description;
  }

  /** Resolves once it answers. Errors: ExitError. */
  static async start({ store: url, memoryBytes, logger, stop }: EmbeddedSetup): Promise<EmbeddedTailrace> {
    const store = await openStoreOrExit(url);
    const engine = Engine.start({
      runtime: systemRuntime,
      store,
      logger,
      cacheBytes: memoryBytes,
      onHalt: (error) => stop.fail(haltError(error)),
    });
    const token = randomBytes(32).toString("base64url");
    const listen = { host: "127.0.0.1", port: 0, cors: false, rootToken: token };
    const server = await startServer({ engine, runtime: systemRuntime, logger, ...listen });
    const embedded = new EmbeddedTailrace(engine, server, token, store.description);
    try {
      await engine.started;
      return embedded;
    } catch (error) {
      await embedded.close().catch((closing: unknown) => logger.debug({ error: String(closing) }, "closing"));
      throw stop.failure ?? startError(error, url);
    }
  }

  async close(): Promise<void> {
    await this.#server.drain(DRAIN_GRACE_MS);
    this.#server.close();
    await this.#engine.close();
  }
}

function startError(error: unknown, store: string): unknown {
  if (error instanceof DeploymentError) return new ExitError(ExitCode.store, error.message);
  if (error instanceof CorruptObjectError) {
    return new ExitError(ExitCode.corrupt, `${error.message}; nothing was changed`);
  }
  if (error instanceof ObjectStoreError) {
    return new ExitError(ExitCode.store, `${store} cannot be used: ${error.message}`);
  }
  return error;
}
