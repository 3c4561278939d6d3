// Reading the body of an answer: all of it, or an error. Never hands out one that was cut short.

/** Exactly `length` bytes, or an error. */
export async function readBody(
  body: NodeJS.ReadableStream & { destroy(error?: Error): void },
  length: number,
  abortSignal: AbortSignal,
): Promise<Uint8Array> {
  const onAbort = () => body.destroy(new Error("the answer's body took too long"));
  abortSignal.addEventListener("abort", onAbort, { once: true });
  try {
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    for await (const chunk of body) {
      // Without an encoding set, a stream of bytes yields nothing else.
      const piece = chunk as Buffer;
      if (filled + piece.length > length) throw new Error(`a body of more than the ${length} bytes announced`);
      bytes.set(piece, filled);
      filled += piece.length;
    }
    if (filled < length) throw new Error(`a body of ${filled} of the ${length} bytes announced`);
    return bytes;
  } finally {
    abortSignal.removeEventListener("abort", onAbort);
  }
}
