// An appender of an encrypted stream: seals batches, some of them on threads, and appends them in the order in which they came.
import type { AppendAck, StreamAppender } from "../engine-api.ts";
import type { AppendInput } from "../wire/index.ts";
import { sealInput } from "./seal-batch.ts";
import type { StreamEncryption } from "./stream-encryption.ts";

export class SealingAppender implements StreamAppender {
  readonly #appender: StreamAppender;
  readonly #encryption: StreamEncryption;
  /** Resolves once all batches so far have been given on. Undefined when they have. */
  #given: Promise<void> | undefined;

  constructor(appender: StreamAppender, encryption: StreamEncryption) {
    this.#appender = appender;
    this.#encryption = encryption;
  }

  async append(input: AppendInput): Promise<AppendAck> {
    const sealed = sealInput(this.#encryption, input);
    const before = this.#given;
    if (before === undefined && !(sealed instanceof Promise)) return this.#appender.append(sealed);
    const acknowledged = giveOn(this.#appender, sealed, before);
    const given = acknowledged.then(() => {
      if (this.#given === given) this.#given = undefined;
    });
    this.#given = given;
    // Whoever comes next fails with it; whoever brought it is told by what is returned.
    given.catch(() => undefined);
    return (await acknowledged).ack;
  }

  close(): void {
    this.#appender.close();
  }
}

/** Resolves once the batch has been given on. Its acknowledgement is not waited for: only the order of batches matters here. */
async function giveOn(
  appender: StreamAppender,
  sealed: AppendInput | Promise<AppendInput>,
  before: Promise<void> | undefined,
): Promise<{ readonly ack: Promise<AppendAck> }> {
  const input = await sealed;
  await before;
  return { ack: appender.append(input) };
}
