// A read as an event stream: `batch`, `ping` and `error` events, and [DONE] where a bound is reached (API: SSE reads).
import type { StreamReader } from "@tailrace/engine";
import { positionJson, type RecordFormat, readBatchJson } from "@tailrace/engine/wire";
import type { SessionOutput, SessionRequest } from "../api-request.ts";
import type { Context } from "../context.ts";
import { serverDraining } from "../drain.ts";
import { errorAnswer } from "../errors.ts";
import { type Delivered, eventId } from "./resume.ts";

export class SseSession {
  readonly #context: Context;
  readonly #request: SessionRequest;
  readonly #reader: StreamReader;
  readonly #format: RecordFormat;
  #delivered: Delivered;

  constructor(
    context: Context,
    request: SessionRequest,
    reader: StreamReader,
    format: RecordFormat,
    delivered: Delivered,
  ) {
    this.#context = context;
    this.#request = request;
    this.#reader = reader;
    this.#format = format;
    this.#delivered = delivered;
  }

  async run(output: SessionOutput): Promise<void> {
    const reader = this.#reader;
    output.onClose(() => reader.close());
    const offDrain = this.#context.drain.onDrain(() => reader.close());
    const offAccess = this.#request.access.onEnd(() => reader.close());
    try {
      for (;;) {
        const event = await reader.next(output.share.bytes);
        if (output.closed) return;
        if (event.kind === "end") {
          this.#request.access.assertLive();
          if (this.#context.drain.draining) throw serverDraining();
          await write(output, "data: [DONE]\n\n");
          return;
        }
        if (event.kind === "batch") {
          this.#delivered = {
            count: this.#delivered.count + event.count,
            meteredBytes: this.#delivered.meteredBytes + event.meteredBytes,
          };
          const id = eventId(event.lastSeqNum, this.#delivered);
          const wait = write(
            output,
            `event: batch\nid: ${id}\ndata: ${readBatchJson(event.slices, event.tail, this.#format)}\n\n`,
          );
          if (wait !== undefined) await wait;
        } else {
          const timestamp = this.#context.runtime.clock.wallMs();
          await write(output, `event: ping\ndata: {"timestamp":${timestamp},"tail":${positionJson(event.tail)}}\n\n`);
        }
      }
    } catch (error) {
      this.#context.audit.failed(this.#request, error);
      if (!output.closed) await write(output, `event: error\ndata: ${errorAnswer(error).json}\n\n`);
    } finally {
      offDrain();
      offAccess();
      reader.close();
    }
  }
}

function write(output: SessionOutput, text: string): Promise<void> | undefined {
  return output.write([Buffer.from(text)]);
}
