import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ProtocolError, type Request, RequestParser } from "./parser.ts";

/** All commands in the bytes, which come in pieces of the given sizes, then all at once. */
function parsed(bytes: Buffer, sizes: readonly number[] = [], authenticated = true): Request[] {
  const parser = new RequestParser();
  parser.authenticated = authenticated;
  const requests: Request[] = [];
  let at = 0;
  for (const size of [...sizes, bytes.length]) {
    const piece = bytes.subarray(at, at + size);
    if (piece.length > 0) parser.push(piece, (request) => requests.push(request));
    at += piece.length;
  }
  return requests;
}

const encoded = (commands: readonly (readonly string[])[]): Buffer =>
  Buffer.from(
    commands.map((args) => `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`).join(""),
    "latin1",
  );

const text = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const commands = fc.array(fc.array(text, { minLength: 1, maxLength: 6 }), { maxLength: 8 });

describe("the parser", () => {
  test("finds the same commands however their bytes come", () => {
    fc.assert(
      fc.property(commands, fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 60 }), (sent, sizes) => {
        const args = parsed(encoded(sent), sizes).map((request) => request.args);
        assert.deepEqual(args, sent);
      }),
    );
  });

  test("takes any bytes: as commands, or as what is not the protocol", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc
        .array(fc.constantFrom("*", "$", "\r\n", "\n", "-", "1", "3", "99999", "abc", '"', "\\x", " "), {
          maxLength: 60,
        })
        .map((parts) => Buffer.from(parts.join(""), "latin1")),
    );
    fc.assert(
      fc.property(
        bytes,
        fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 60 }),
        fc.boolean(),
        (sent, sizes, known) => {
          const outcome = (pieces: readonly number[]) => {
            try {
              return parsed(sent, pieces, known);
            } catch (error) {
              assert.ok(error instanceof ProtocolError, String(error));
              return error.message;
            }
          };
          assert.deepEqual(outcome(sizes), outcome([]));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("reads past a command that is too large, holding none of it, and goes on behind it", () => {
    const parser = new RequestParser();
    parser.authenticated = true;
    const requests: Request[] = [];
    const take = (request: Request) => requests.push(request);
    const size = 5 * 1024 * 1024;
    parser.push(Buffer.from(`*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$${size}\r\n`), take);
    for (let sent = 0; sent < size; sent += 64 * 1024) parser.push(Buffer.alloc(64 * 1024), take);
    parser.push(Buffer.from("\r\n*1\r\n$4\r\nPING\r\n"), take);
    assert.deepEqual(requests, [
      { args: ["SET", "k", ""], tooLarge: true },
      { args: ["PING"], tooLarge: false },
    ]);
  });

  test("refuses lengths that nobody may send", () => {
    for (const [sent, message] of [
      ["*1\r\n!", undefined],
      ["*1\r\n!\r\n", "expected '$', got '!'"],
      ["*200000\r\n", "invalid multibulk length"],
      ["*x\r\n", "invalid multibulk length"],
      ["*1\r\n$-1\r\n", "invalid bulk length"],
      ["*1\r\n$536870913\r\n", "invalid bulk length"],
      [`${"x".repeat(70_000)}`, "too big inline request"],
      ['SET a "b\r\n', "unbalanced quotes in request"],
    ] as const) {
      if (message === undefined) assert.deepEqual(parsed(Buffer.from(sent)), []);
      else assert.throws(() => parsed(Buffer.from(sent)), { message });
    }
    assert.throws(() => parsed(Buffer.from("*11\r\n"), [], false), { message: "unauthenticated multibulk length" });
    assert.throws(() => parsed(Buffer.from("*1\r\n$16385\r\n"), [], false), { message: "unauthenticated bulk length" });
  });

  test("takes what a person types", () => {
    const line = "set  key 'it''s'\r\n\r\n";
    assert.throws(() => parsed(Buffer.from(line)), ProtocolError);
    const [request] = parsed(Buffer.from("SET k \"a\\x41\\n\\\"\" 'b\\'c'\n"));
    assert.deepEqual(request.args, ["SET", "k", 'aA\n"', "b'c"]);
  });
});
