// Bodies of requests: read whole, up to a bound each and a bound for all together. What is over a bound is refused without
// being kept, by its announced length even before it is read.
import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "./errors.ts";
import { MAX_DROPPED_BYTES, MAX_UNFINISHED_BYTES } from "./limits.ts";

export class Bodies {
  /** Of bodies that are being read now. */
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Rejects with `ApiError`. */
  async read(request: IncomingMessage, response: ServerResponse, maxBytes: number): Promise<Buffer> {
    const announced = Number(request.headers["content-length"] ?? 0);
    if (announced > maxBytes) throw this.#tooLarge(response, maxBytes, announced);
    const expects = request.headers.expect?.toLowerCase() === "100-continue";
    if (expects) response.writeContinue();
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        this.#bytes += chunk.length;
        if (bytes > maxBytes) throw this.#tooLarge(response, maxBytes, Number.POSITIVE_INFINITY);
        if (this.#bytes > MAX_UNFINISHED_BYTES) {
          response.shouldKeepAlive = false;
          throw new ApiError("overloaded", "too many bodies are on their way; nothing was done", {
            "retry-after": "1",
          });
        }
        chunks.push(chunk);
      }
    } catch (error) {
      if (error instanceof ApiError) throw error;
      throw new ApiError("bad_request", "the body ended early");
    } finally {
      this.#bytes -= bytes;
    }
    if (!request.complete) throw new ApiError("bad_request", "the body ended early");
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, bytes);
  }

  #tooLarge(response: ServerResponse, maxBytes: number, announced: number): ApiError {
    if (announced > MAX_DROPPED_BYTES) response.shouldKeepAlive = false;
    return new ApiError("too_large", `the body may have up to ${maxBytes} bytes`);
  }
}
