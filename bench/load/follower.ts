// One reader that follows a stream over HTTP/2 and does next to nothing with what it gets: it counts bytes and looks for the times at which
// records were sent, which they bear between marks. No frame is taken apart, and windows are opened once, for more than a row ever sends:
// readers share the machine with the server, and it is the server that is measured.
import { getPackedSettings } from "node:http2";
import { connect, type Socket } from "node:net";

/** Before the time in a record's body. */
export const MARK = "@sent@";
/** Of that time: microseconds since the process began. */
export const STAMP_DIGITS = 12;

const MARK_BYTES = Buffer.from(MARK);
const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const MAX_WINDOW = 0x7fffffff;
const STREAM = 1;

/** Frames of HTTP/2 (RFC 9113, section 6). */
const FrameType = { headers: 1, settings: 4, windowUpdate: 8 } as const;
const END_STREAM_AND_HEADERS = 0x5;
const ACK = 0x1;

export interface Followed {
  readonly url: string;
  readonly basin: string;
  readonly stream: string;
  /** At least so many bytes from one mark to the next. */
  readonly recordBytes: number;
  /** Where it begins, as the query says it. */
  readonly from?: string;
}

export class Follower {
  /** From sent to received, of most records: a mark that two reads share is not seen. */
  readonly latenciesMs: number[] = [];
  bytes = 0;
  failed: Error | undefined;
  /** Resolves when the session has told where the tail is. */
  readonly opened: Promise<void>;
  readonly #socket: Socket;
  readonly #recordBytes: number;
  #closed = false;

  constructor({ url, basin, stream, recordBytes, from = "tail_offset=0" }: Followed) {
    const { hostname, port } = new URL(url);
    this.#recordBytes = recordBytes;
    this.#socket = connect(Number(port), hostname);
    this.opened = new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        if (!this.#closed) this.failed ??= error;
        reject(error);
      };
      this.#socket.on("error", fail);
      this.#socket.on("close", () => fail(new Error("the connection of a follower ended")));
      // The server's settings come first, then the head of the answer with the tail.
      let reads = 0;
      this.#socket.on("data", (bytes: Buffer) => {
        reads += 1;
        if (reads === 1) this.#socket.write(frame(FrameType.settings, ACK, 0, Buffer.alloc(0)));
        if (reads > 1) resolve();
        this.#take(bytes);
      });
    });
    const head = {
      ":method": "GET",
      ":scheme": "http",
      ":authority": `${hostname}:${port}`,
      ":path": `/v1/streams/${stream}/records?${from}`,
      "content-type": "s2s/proto",
      "s2-basin": basin,
      authorization: "Bearer any",
    };
    this.#socket.write(
      Buffer.concat([
        PREFACE,
        frame(FrameType.settings, 0, 0, getPackedSettings({ initialWindowSize: MAX_WINDOW, enablePush: false })),
        frame(FrameType.windowUpdate, 0, 0, uint32(MAX_WINDOW - 65_535)),
        frame(FrameType.headers, END_STREAM_AND_HEADERS, STREAM, headerBlock(head)),
      ]),
    );
  }

  #take(bytes: Buffer): void {
    const nowUs = performance.now() * 1000;
    this.bytes += bytes.length;
    for (let at = bytes.indexOf(MARK_BYTES); at >= 0; at = bytes.indexOf(MARK_BYTES, at + this.#recordBytes)) {
      const from = at + MARK_BYTES.length;
      if (from + STAMP_DIGITS > bytes.length) return;
      this.latenciesMs.push((nowUs - Number(bytes.toString("latin1", from, from + STAMP_DIGITS))) / 1000);
    }
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }
}

function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Literal fields without indexing or Huffman coding, none of 127 bytes or more (RFC 7541, section 6.2.2). */
function headerBlock(head: Readonly<Record<string, string>>): Buffer {
  const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value, "latin1")]);
  return Buffer.concat(Object.entries(head).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}
