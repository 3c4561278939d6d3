// A read session: ReadBatches out until a bound is reached or the client goes (API: S2S).
// Pulls from the reader only while the client takes what it is given.
import type { ReadEvent, StreamReader } from "@tailrace/engine";
import type { Compression } from "@tailrace/engine/runtime";
import { encodeReadBatchTail } from "@tailrace/engine/wire";
import type { SessionOutput, SessionRequest } from "../api-request.ts";
import type { Context } from "../context.ts";
import { serverDraining } from "../drain.ts";
import { errorAnswer } from "../errors.ts";
import { frameHeader, MIN_COMPRESSED_BYTES, RECONNECT_ADVISED, terminalFrame } from "./frame.ts";
import { SharedFrames } from "./shared-frames.ts";

/** Pieces smaller than this on average are joined: below it, a piece costs more than its copy. */
const MIN_PIECE_BYTES = 8 * 1024;

/** Sessions that follow one stream send the same. */
const shared = new SharedFrames();

export class ReadSession {
  readonly #context: Context;
  readonly #request: SessionRequest;
  readonly #reader: StreamReader;
  readonly #compression: Compression | undefined;

  constructor(context: Context, request: SessionRequest, reader: StreamReader, compression: Compression | undefined) {
    this.#context = context;
    this.#request = request;
    this.#reader = reader;
    this.#compression = compression;
  }

  async run(output: SessionOutput): Promise<void> {
    const reader = this.#reader;
    const { drain } = this.#context;
    output.onClose(() => reader.close());
    const offDrain = drain.onDrain(() => reader.close());
    const offAccess = this.#request.access.onEnd(() => reader.close());
    try {
      for (;;) {
        const event = await reader.next(output.share.bytes);
        if (output.closed) return;
        if (event.kind === "end") {
          this.#request.access.assertLive();
          if (!drain.draining) return;
          // An empty batch carries the advice: terminal frames have no place for it.
          output.write([frameHeader(0, "none", RECONNECT_ADVISED)]);
          throw serverDraining();
        }
        const wait = output.write(await this.#frame(event, output.share.scarce));
        if (wait !== undefined) await wait;
      }
    } catch (error) {
      this.#context.audit.failed(this.#request, error);
      if (output.closed) return;
      const { status, json } = errorAnswer(error);
      await output.write([terminalFrame(status, json)]);
    } finally {
      offDrain();
      offAccess();
      reader.close();
    }
  }

  #frame(
    event: Exclude<ReadEvent, { kind: "end" }>,
    copied: boolean,
  ): readonly Uint8Array[] | Promise<readonly Uint8Array[]> {
    const slices = event.kind === "batch" ? event.slices : [];
    const tail = event.tail === null ? undefined : encodeReadBatchTail(event.tail);
    let bytes = tail?.length ?? 0;
    for (const slice of slices) bytes += slice.length;
    if (this.#compression !== undefined && bytes >= MIN_COMPRESSED_BYTES) {
      const compression = this.#compression;
      return shared.frame(slices, tail, compression, async () => {
        const body = Buffer.concat(tail === undefined ? slices : [...slices, tail], bytes);
        const compressed = await this.#context.runtime.threads.compress(compression, body);
        if (compressed.length < body.length) return [frameHeader(compressed.length, compression), compressed];
        return [frameHeader(body.length, "none"), body];
      });
    }
    const pieces = () => [frameHeader(bytes, "none"), ...slices, ...(tail === undefined ? [] : [tail])];
    if (!copied && bytes >= MIN_PIECE_BYTES * slices.length) return pieces();
    return shared.frame(slices, tail, "none", () => [Buffer.concat(pieces())]);
  }
}
