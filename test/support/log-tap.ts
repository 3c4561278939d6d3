// Keeps what appears in the directory of a log, before it is collected: what stands where, for whoever judges a history.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { RecordCursor } from "../../packages/engine/src/wire/record-cursor.ts";
import type { RecordId } from "../../sim/check/history.ts";
import type { RecordFinder } from "../../sim/standing.ts";
import { recordId } from "./sdk-history.ts";

/** Often enough: what the log has let go of stays for some seconds yet. */
const POLL_MS = 1_000;
/** Objects have such names; what is being written has not. */
const OBJECT = /^[0-9a-f]{16}$/;

export class LogTap {
  readonly #directory: string;
  readonly #objects = new Map<string, Uint8Array>();
  readonly #timer: NodeJS.Timeout;
  #looking: Promise<void> = Promise.resolve();

  /** `directory` need not be there yet. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, POLL_MS);
  }

  /** Everything that ever stood in the log, by name. The last thing to be called. */
  async end(): Promise<ReadonlyMap<string, Uint8Array>> {
    this.close();
    await this.#looking;
    await this.#look();
    return this.#objects;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const names = await readdir(this.#directory).catch(() => []);
    for (const name of names) {
      if (!OBJECT.test(name) || this.#objects.has(name)) continue;
      const bytes = await readFile(join(this.#directory, name)).catch(() => undefined);
      if (bytes !== undefined) this.#objects.set(name, bytes);
    }
  }
}

/** Finds the records of a workload by what they hold. */
export const recordsByContent: RecordFinder = (batches, wanted) => {
  const found = new Map<RecordId, number>();
  const cursor = new RecordCursor();
  for (const { at, bytes } of batches) {
    cursor.reset(bytes, 0, bytes.length);
    while (cursor.next()) {
      const id = recordId({
        headers: headersOf(cursor, bytes),
        body: bytes.subarray(cursor.bodyStart, cursor.bodyEnd),
      });
      if (wanted.has(id)) found.set(id, at + cursor.recordStart);
    }
  }
  return found;
};

function headersOf(cursor: RecordCursor, bytes: Uint8Array): [Uint8Array, Uint8Array][] {
  const headers: [Uint8Array, Uint8Array][] = [];
  for (let at = cursor.headersStart; at < cursor.headersEnd; ) {
    at = cursor.header(at);
    headers.push([
      bytes.subarray(cursor.nameStart, cursor.nameEnd),
      bytes.subarray(cursor.valueStart, cursor.valueEnd),
    ]);
  }
  return headers;
}
