// Running a request to S3: under a time-out that grows with the bytes it is known to carry, and with what it fails with made an ObjectStoreError.
// Never tries anything again.
import type { Runtime } from "../../runtime/runtime.ts";
import { type S3Operation, toS3StoreError } from "./s3-errors.ts";

/** How long a request may take before its outcome counts as unknown: so much at least … */
const REQUEST_TIMEOUT_MS = 5_000;
/** … and so much more for each MiB that it carries: a slow uplink must be able to get a chunk through. */
const REQUEST_TIMEOUT_MS_PER_MIB = 1_000;
const MIB = 1024 * 1024;

export class S3Requests {
  readonly #runtime: Runtime;

  constructor(runtime: Runtime) {
    this.#runtime = runtime;
  }

  /** `key` is for people; `allowBytes` is called when it turns out how many bytes come back. */
  async run<T>(
    operation: S3Operation,
    key: string,
    bytes: number,
    send: (abortSignal: AbortSignal, allowBytes: (bytes: number) => void) => Promise<T>,
  ): Promise<T> {
    const { timers } = this.#runtime;
    const abort = new AbortController();
    const startTimer = (allowed: number) =>
      timers.set(REQUEST_TIMEOUT_MS + (allowed / MIB) * REQUEST_TIMEOUT_MS_PER_MIB, () => abort.abort());
    let timer = startTimer(bytes);
    const allowBytes = (known: number) => {
      timers.clear(timer);
      timer = startTimer(known);
    };
    try {
      return await send(abort.signal, allowBytes);
    } catch (error) {
      throw toS3StoreError(error, operation, key);
    } finally {
      timers.clear(timer);
    }
  }
}
