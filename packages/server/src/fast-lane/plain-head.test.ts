// What is recognised as plain is understood as Node's own server understands it; everything else is left alone.
import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { type PlainHead, PlainHeadReader } from "./plain-head.ts";

const MAX_HEAD_BYTES = 32 * 1024;
const read = (text: string, reader = new PlainHeadReader()) => reader.read(Buffer.from(text, "latin1"), MAX_HEAD_BYTES);

const GET = "GET /v1/streams/a/records/tail?x=1 HTTP/1.1\r\n";
const POST = "POST /v1/streams/a/records HTTP/1.1\r\n";

let onRequest: (request: IncomingMessage) => void = () => undefined;
const server = createServer({ maxHeaderSize: MAX_HEAD_BYTES }, (request, response) => {
  onRequest(request);
  request.resume();
  response.end();
});
before(() => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)));
after(() => server.close());

/** What Node's server makes of these bytes; undefined when it refuses them. */
async function nodeReads(text: string, bodyBytes: number): Promise<IncomingMessage | undefined> {
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  let seen: IncomingMessage | undefined;
  onRequest = (request) => {
    seen = request;
  };
  await new Promise<void>((resolve, reject) => {
    const socket = connect(address.port, "127.0.0.1", () => {
      socket.write(text, "latin1");
      socket.write(Buffer.alloc(bodyBytes, "b"));
    });
    socket.once("data", () => socket.destroy());
    socket.on("error", reject);
    socket.on("close", () => resolve());
  });
  return seen;
}

function assertSame(plain: PlainHead, seen: IncomingMessage | undefined, text: string): void {
  assert.ok(seen !== undefined, `Node refuses ${JSON.stringify(text)}`);
  assert.equal(plain.method, seen.method);
  assert.equal(plain.url, seen.url);
  assert.deepEqual(Object.fromEntries(plain.headers), { ...seen.headers });
  assert.equal(plain.bodyBytes, Number(seen.headers["content-length"] ?? 0));
}

const name = fc.oneof(
  fc.constantFrom("s2-basin", "Accept", "content-TYPE", "Authorization", "x", "host", "Content-Length", "connection"),
  fc.string({ unit: fc.constantFrom("a", "Z", "-", "0", "_", " ", "!"), minLength: 1, maxLength: 4 }),
);
const value = fc.oneof(
  fc.constantFrom("", " ", "keep-alive", "Keep-Alive", "close", "12", "0", "+1", "text/event-stream", " a b\t"),
  fc.string({ unit: fc.constantFrom("a", " ", "\t", "\x80", "ÿ", "\0", ":", "\r", "\n", "\x7f"), maxLength: 5 }),
);
const heads = fc
  .tuple(
    fc.constantFrom(GET, POST, `${POST}Content-Length: 2\r\n`),
    fc.array(fc.tuple(name, fc.constantFrom("", " "), value), { maxLength: 4 }),
    fc.boolean(),
  )
  .map(([line, headers, withHost]) => {
    const lines = headers.map(([key, gap, text]) => `${key}:${gap}${text}\r\n`).join("");
    return `${line}${withHost ? "host: h\r\n" : ""}${lines}\r\n`;
  });

test("a head that is recognised says to Node what it says to us", async () => {
  let recognised = 0;
  await fc.assert(
    fc.asyncProperty(heads, async (text) => {
      const plain = read(text);
      if (plain === undefined) return;
      recognised += 1;
      assertSame(plain, await nodeReads(text, plain.bodyBytes), text);
    }),
    { numRuns: 600 },
  );
  // About one in ten is; a property that looked at none would hold, too.
  assert.ok(recognised > 20, `only ${recognised} heads were recognised`);
});

test("headers are remembered from one request to the next, and only while they are the same", () => {
  const reader = new PlainHeadReader();
  const first = read(`${GET}host: h\r\ns2-basin: one\r\n\r\n`, reader);
  const again = read(`${GET}host: h\r\ns2-basin: one\r\n\r\n`, reader);
  const other = read(`${GET}host: h\r\ns2-basin: two\r\n\r\n`, reader);
  assert.equal(first?.headers, again?.headers);
  assert.equal(other?.headers.get("s2-basin"), "two");
  assert.equal(read(`${GET}host: h\r\norigin: o\r\n\r\n`, reader), undefined);
  assert.equal(read(`${GET}host: h\r\norigin: o\r\n\r\n`, reader), undefined);
  const body = read(`${POST}host: h\r\ncontent-length: 7\r\n\r\n`, reader);
  assert.equal(body?.bodyBytes, 7);
  assert.equal(read(`${GET}host: h\r\ncontent-length: 7\r\n\r\n`, reader), undefined);
});

test("what needs more than one look is not plain", () => {
  const notPlain = [
    `${GET}\r\n`, // No host.
    `${GET}host: h\r\n`, // Not all of it.
    `${GET}host: h\r\nhost: h\r\n\r\n`,
    `${POST}host: h\r\n\r\n`,
    `${POST}host: h\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n`,
    `${POST}host: h\r\ncontent-length: -1\r\n\r\n`,
    `${POST}host: h\r\ncontent-length: 0x1\r\n\r\n`,
    `${POST}host: h\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n`,
    `${POST}host: h\r\ncontent-length: 1\r\nexpect: 100-continue\r\n\r\n`,
    `${GET}host: h\r\nconnection: close\r\n\r\n`,
    `${GET}host: h\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n`,
    `${GET}host: h\r\norigin: http://a\r\n\r\n`,
    `${GET}host: h\r\naccept: Text/Event-Stream\r\n\r\n`,
    `${GET}host: h\r\ncontent-type: S2S/proto\r\n\r\n`,
    `${GET}host: h\r\n folded: x\r\n\r\n`,
    `${GET}host : h\r\n\r\n`,
    `${GET}host: h\nx: y\r\n\r\n`,
    GET.replace("1.1", "1.0").concat("host: h\r\n\r\n"),
    `GET /v1/basins HTTP/1.1\r\nhost: h\r\n\r\n`,
    `GET http://h/v1/streams/a HTTP/1.1\r\nhost: h\r\n\r\n`,
    `get /v1/streams/a HTTP/1.1\r\nhost: h\r\n\r\n`,
    `DELETE /v1/streams/a HTTP/1.1\r\nhost: h\r\n\r\n`,
    `GET  /v1/streams/a HTTP/1.1\r\nhost: h\r\n\r\n`,
    `${GET}host: h\r\nx: ${"y".repeat(MAX_HEAD_BYTES)}\r\n\r\n`,
  ];
  for (const text of notPlain) assert.equal(read(text), undefined, JSON.stringify(text.slice(0, 200)));
});

test("a hostile head costs no more than its length", () => {
  const bytes = Buffer.from(`${GET}${"a: \r\n".repeat(6000)}\0\r\n\r\n`, "latin1");
  const before = process.cpuUsage().user;
  assert.equal(new PlainHeadReader().read(bytes, MAX_HEAD_BYTES), undefined);
  // Exponential work would not end at all; this only says that it did.
  assert.ok(process.cpuUsage().user >= before);
});
