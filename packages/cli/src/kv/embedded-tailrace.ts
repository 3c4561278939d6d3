// A Tailrace in this process for a log of this process: an engine on a store, which nobody else can speak to.
import { CorruptObjectError, DeploymentError, Engine } from "@tailrace/engine";
import { ObjectStoreError } from "@tailrace/engine/object-store";
import { systemRuntime } from "@tailrace/engine/runtime";
import type { Log } from "@tailrace/replica";
import type { Logger } from "pino";
import { ExitCode, ExitError } from "../exit-codes.ts";
import { openStoresOrExit } from "../open-stores.ts";
import { haltError, type StopSignal } from "../stop-signal.ts";
import { createEngineLog, type StreamName } from "./engine-log.ts";

export interface EmbeddedSetup {
  /** As `tailrace serve` takes it. */
  readonly store: string;
  readonly s3Sse?: string | undefined;
  readonly walStore: string | undefined;
  readonly memoryBytes: number;
  readonly logger: Logger;
  /** Told when the engine halts. */
  readonly stop: StopSignal;
}

export class EmbeddedTailrace {
  /** Where data is kept, for people. */
  readonly description: string;
  readonly #engine: Engine;

  private constructor(engine: Engine, description: string) {
    this.#engine = engine;
    this.description = description;
  }

  /** Resolves once it answers. Errors: ExitError. */
  static async start(setup: EmbeddedSetup): Promise<EmbeddedTailrace> {
    const { store: url, walStore, s3Sse, memoryBytes, logger, stop } = setup;
    const { store, logStore } = await openStoresOrExit(url, walStore, { s3Sse });
    const engine = Engine.start({
      runtime: systemRuntime,
      store,
      logStore,
      logger,
      cacheBytes: memoryBytes,
      onHalt: (error) => stop.fail(haltError(error)),
    });
    const embedded = new EmbeddedTailrace(engine, store.description);
    try {
      await engine.started;
      return embedded;
    } catch (error) {
      await embedded.close().catch((closing: unknown) => logger.debug({ error: String(closing) }, "closing"));
      throw stop.failure ?? startError(error, url);
    }
  }

  /** The stream as a log, created where it is not there. Rejects with `LogError`. */
  log(name: StreamName): Promise<Log> {
    return createEngineLog(this.#engine, name);
  }

  /** What was taken is durable then. */
  close(): Promise<void> {
    return this.#engine.close();
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
