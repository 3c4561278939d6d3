// A worker of the pool: does one job after another. Started and ended by `aead-pool.ts`.
import { parentPort } from "node:worker_threads";
import { type AeadJob, aeadLoaded, loadAegis, openMessages, sealMessages } from "./aead.ts";

export interface AeadRequest {
  readonly kind: "seal" | "open";
  readonly job: AeadJob;
}

/** `failure` stands for an error that is none of the message's: a bug. It never quotes what it was given. */
export type AeadResponse =
  | { readonly kind: "done"; readonly sealed: Uint8Array; readonly plain: Uint8Array; readonly opened: number }
  | { readonly kind: "failure"; readonly message: string };

const port = parentPort;
if (port === null) throw new Error("this module is to run in a worker");
port.on("message", (request: AeadRequest) => {
  perform(request).then(
    (response) => {
      const transfer = response.kind === "done" ? [bufferOf(response.sealed), bufferOf(response.plain)] : [];
      port.postMessage(response, transfer);
    },
    (error: unknown) => {
      throw error;
    },
  );
});

async function perform({ kind, job }: AeadRequest): Promise<AeadResponse> {
  try {
    if (!aeadLoaded(job.cipher)) await loadAegis();
    let opened = 0;
    if (kind === "seal") sealMessages(job);
    else opened = openMessages(job);
    return { kind: "done", sealed: job.sealed, plain: job.plain, opened };
  } catch (error) {
    return { kind: "failure", message: error instanceof Error ? error.name : "unknown" };
  }
}

/** What arrives in a worker is never shared memory. */
function bufferOf(bytes: Uint8Array): ArrayBuffer {
  return bytes.buffer as ArrayBuffer;
}
