// What ends a process that serves: a signal, or a failure of what it serves, in one sentence and with an exit code.
import { CorruptObjectError, DeposedError, EngineError } from "@tailrace/engine";
import { ExitCode, ExitError } from "./exit-codes.ts";

/** SIGTERM or SIGINT, or the engine's halt. A second signal exits at once. */
export class StopSignal {
  readonly requested: Promise<void>;
  failure: ExitError | undefined;
  #fail: (error: Error) => void = () => undefined;

  constructor() {
    this.requested = new Promise((resolve, reject) => {
      this.#fail = reject;
      let stopping = false;
      const onSignal = (signal: NodeJS.Signals) => {
        if (stopping) process.exit(signal === "SIGINT" ? 130 : 143);
        stopping = true;
        resolve();
      };
      process.on("SIGTERM", onSignal);
      process.on("SIGINT", onSignal);
    });
    // Whoever waits for it sees it; a halt before that must not count as unhandled.
    this.requested.catch(() => undefined);
  }

  /** Also once it was told to stop: what has failed while it stops is no clean stop. */
  fail(error: ExitError): void {
    this.failure ??= error;
    this.#fail(error);
  }
}

/** Why an engine has halted. */
export function haltError(error: Error): ExitError {
  if (error instanceof DeposedError) {
    return new ExitError(
      ExitCode.deposed,
      `${error.message}: another process is using this store, so this one has stopped`,
    );
  }
  if (error instanceof CorruptObjectError)
    return new ExitError(ExitCode.corrupt, `${error.message}; nothing was changed`);
  if (error instanceof EngineError) return new ExitError(ExitCode.failure, error.message);
  return new ExitError(ExitCode.failure, `the shard has stopped: ${error.message}`);
}
