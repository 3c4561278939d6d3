// Floods of HTTP/2 frames that servers have fallen to, as bytes: made by hand, since no well-behaved client would send them.

const Frame = { data: 0, headers: 1, rst: 3, settings: 4, ping: 6, windowUpdate: 8, continuation: 9 } as const;
const END_STREAM = 1;
const END_HEADERS = 4;
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

function frame(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
}

/** A literal header field that is not indexed (RFC 7541, 6.2.2); `indexed` adds it to the table. */
function literal(name: string, value: string, indexed = false): Buffer {
  const length = (bytes: number) =>
    bytes < 127 ? [bytes] : [127, ((bytes - 127) & 0x7f) | 0x80, ((bytes - 127) >>> 7) | 0x80, (bytes - 127) >>> 14];
  return Buffer.concat([
    Buffer.from([indexed ? 0x40 : 0, ...length(name.length)]),
    Buffer.from(name),
    Buffer.from(length(value.length)),
    Buffer.from(value),
  ]);
}

/** Where they are aimed, with a stream `flooded` in it. */
export const FLOODED_BASIN = "flooded-basin";

const REQUEST = (path: string, method = "GET") =>
  Buffer.concat([
    literal(":method", method),
    literal(":path", path),
    literal(":scheme", "http"),
    literal(":authority", "x"),
    literal("s2-basin", FLOODED_BASIN),
  ]);

export const SETTINGS = frame(Frame.settings, 0, 0);
const times = (count: number, make: (i: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, i) => make(i)));

/** What each is a flood of, and its bytes behind preface and settings. */
export const FLOODS: Record<string, () => Buffer[]> = {
  "streams that are reset as soon as they are opened": () => [
    times(5_000, (i) =>
      Buffer.concat([
        frame(Frame.headers, END_HEADERS | END_STREAM, 2 * i + 1, REQUEST("/v1/streams/flooded/records?wait=60")),
        frame(Frame.rst, 0, 2 * i + 1, Buffer.from([0, 0, 0, 8])),
      ]),
    ),
  ],
  settings: () => [times(20_000, () => frame(Frame.settings, 0, 0, Buffer.from([0, 4, 0, 0, 0xff, 0xff])))],
  "settings with thousands of entries": () => [
    frame(
      Frame.settings,
      0,
      0,
      times(2_000, () => Buffer.from([0, 4, 0, 0, 1, 0])),
    ),
  ],
  pings: () => [times(20_000, () => frame(Frame.ping, 0, 0, Buffer.alloc(8)))],
  "empty frames of data": () => [
    frame(Frame.headers, END_HEADERS, 1, REQUEST("/v1/streams/flooded/records", "POST")),
    times(50_000, () => frame(Frame.data, 0, 1)),
  ],
  "headers that never end": () => [
    frame(Frame.headers, 0, 1, REQUEST("/health")),
    times(2_000, (i) => frame(Frame.continuation, 0, 1, literal(`x-${i}`, "v".repeat(8_000)))),
  ],
  "references to one large header": () => [
    frame(
      Frame.headers,
      END_HEADERS | END_STREAM,
      1,
      Buffer.concat([REQUEST("/health"), literal("x-bomb", "v".repeat(3_900), true)]),
    ),
    times(200, (i) =>
      frame(
        Frame.headers,
        END_HEADERS | END_STREAM,
        2 * i + 3,
        Buffer.concat([REQUEST("/health"), Buffer.alloc(4_000, 0xbe)]),
      ),
    ),
  ],
  "updates of windows": () => [times(50_000, () => frame(Frame.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1])))],
};
