// Recognises the head of a plain request on a stream's records: a GET or a POST with nothing in it that needs a protocol engine.
// A recogniser, not a parser: whatever is not exactly of this form is left to Node's own HTTP server. Pure.

export interface PlainHead {
  readonly method: "GET" | "POST";
  /** Path and query. */
  readonly url: string;
  readonly headers: PlainHeaders;
  /** Where in the bytes the body begins, and how long it is. */
  readonly bodyStart: number;
  readonly bodyBytes: number;
}

/** By lower-case name; none stands twice. */
export type PlainHeaders = ReadonlyMap<string, string>;

const BLANK_LINE = Buffer.from("\r\n\r\n");
const REQUEST_LINE = /^(GET|POST) (\/v1\/streams\/[!-~]+) HTTP\/1\.1\r\n/;
/** One or more lines, each of which can match in one way only, so that hostile input costs no more than its length. */
const HEADER_LINES = /^(?:[A-Za-z0-9-]+:[\t\x20-\x7e\x80-\xff]*\r\n)+$/;
const LENGTH = /^[0-9]{1,9}$/;

/** They change how the message or the connection is to be understood, or ask for more than a reply. */
const NOT_PLAIN = ["transfer-encoding", "expect", "upgrade", "http2-settings", "trailer", "origin"];

/** What was recognised last on a connection: a client's headers seldom change from one request to the next. */
export class PlainHeadReader {
  #lines = "";
  #headers: PlainHeaders | undefined;
  #bodyBytes = 0;

  /** The plain request that `bytes` begin with, whether its body is all there or not; undefined when it is not plain, or not all of its head has come. */
  read(bytes: Buffer, maxHeadBytes: number): PlainHead | undefined {
    const end = bytes.indexOf(BLANK_LINE);
    if (end < 0 || end > maxHeadBytes) return undefined;
    const head = bytes.toString("latin1", 0, end + 2);
    const requestLine = REQUEST_LINE.exec(head);
    if (requestLine === null) return undefined;
    const method = requestLine[1] === "GET" ? "GET" : "POST";
    const lines = head.slice(requestLine[0].length);
    if (lines !== this.#lines) {
      this.#headers = plainHeaders(lines);
      this.#lines = lines;
      this.#bodyBytes = Number(this.#headers?.get("content-length") ?? 0);
    }
    const headers = this.#headers;
    if (headers === undefined) return undefined;
    if (method === "GET" ? this.#bodyBytes > 0 : !headers.has("content-length")) return undefined;
    return { method, url: requestLine[2], headers, bodyStart: end + BLANK_LINE.length, bodyBytes: this.#bodyBytes };
  }
}

/** Undefined when they are not plain. */
function plainHeaders(lines: string): PlainHeaders | undefined {
  if (!HEADER_LINES.test(lines)) return undefined;
  const headers = new Map<string, string>();
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(":", at);
    const end = lines.indexOf("\r\n", colon);
    const name = lines.slice(at, colon).toLowerCase();
    if (headers.has(name)) return undefined;
    headers.set(name, withoutBlanks(lines.slice(colon + 1, end)));
    at = end + 2;
  }
  if (!headers.has("host") || NOT_PLAIN.some((name) => headers.has(name))) return undefined;
  if ((headers.get("connection") ?? "keep-alive").toLowerCase() !== "keep-alive") return undefined;
  const length = headers.get("content-length");
  if (length !== undefined && !LENGTH.test(length)) return undefined;
  // Sessions go on after their head: they are Node's.
  if (headers.get("accept")?.toLowerCase().includes("event-stream")) return undefined;
  if (headers.get("content-type")?.toLowerCase().includes("s2s")) return undefined;
  return headers;
}

/** Blanks and tabs around a value are no part of it; other white space is. */
function withoutBlanks(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start += 1;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end -= 1;
  return value.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
