// A reader of an encrypted stream: opens every batch on its way out. The first record that does not open ends it,
// after what stands before that record. The one exception, beside JSON, to handing out bytes as they are stored.
import type { ReadEvent, StreamReader } from "../engine-api.ts";
import { EngineError } from "../errors.ts";
import { openRun } from "./open-batch.ts";
import type { StreamEncryption } from "./stream-encryption.ts";

export class OpeningReader implements StreamReader {
  readonly #reader: StreamReader;
  readonly #encryption: StreamEncryption;
  #failed = false;

  constructor(reader: StreamReader, encryption: StreamEncryption) {
    this.#reader = reader;
    this.#encryption = encryption;
  }

  async next(mostBytes?: number): Promise<ReadEvent> {
    if (this.#failed) throw decryptionFailed();
    const event = await this.#reader.next(mostBytes);
    if (event.kind !== "batch") return event;
    const { run, count, meteredBytes, failed } = await this.#open(event.slices);
    if (failed) {
      this.#failed = true;
      this.close();
      if (count === 0) throw decryptionFailed();
    }
    const lastSeqNum = event.lastSeqNum - (event.count - count);
    return { ...event, slices: [run], count, meteredBytes, lastSeqNum };
  }

  async #open(slices: readonly Uint8Array[]) {
    try {
      return await openRun(this.#encryption, slices);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.#reader.close();
  }
}

function decryptionFailed(): EngineError {
  return new EngineError("decryption_failed", "the key does not open a record of this stream");
}
