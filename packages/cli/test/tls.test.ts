// HTTPS with a certificate of one's own: both versions of HTTP by ALPN, and the official SDK over it.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { getCACertificates, setDefaultCACertificates, TLSSocket } from "node:tls";
import { AppendInput, AppendRecord, S2, S2Endpoints } from "@s2-dev/streamstore";
import { generate } from "selfsigned";
import { TailraceProcess } from "../../../test/support/tailrace-process.ts";
import { ExitCode } from "../src/exit-codes.ts";

const directory = mkdtempSync(join(tmpdir(), "tailrace-tls-"));
const certPath = join(directory, "cert.pem");
const keyPath = join(directory, "key.pem");
let cert: string;
let server: TailraceProcess;

before(async () => {
  const pems = await generate([{ name: "commonName", value: "localhost" }], {
    extensions: [{ name: "subjectAltName", altNames: [{ type: 7, ip: "127.0.0.1" }] }],
  });
  cert = pems.cert;
  writeFileSync(certPath, cert);
  writeFileSync(keyPath, pems.private);
  server = await TailraceProcess.start({ store: "memory:", args: ["--tls-cert", certPath, "--tls-key", keyPath] });
});
after(async () => {
  assert.equal(await server.stop(), 0);
  rmSync(directory, { recursive: true });
});

test("it says so, and answers HTTP/1.1 and HTTP/2 as ALPN agrees", async () => {
  assert.match(server.url, /^https:/);
  const version = await new Promise<string>((resolve, reject) => {
    request(`${server.url}/health`, { ca: cert }, (incoming) => {
      incoming.resume();
      assert.equal(incoming.statusCode, 200);
      resolve(incoming.httpVersion);
    })
      .on("error", reject)
      .end();
  });
  assert.equal(version, "1.1");
  const session = await new Promise<ClientHttp2Session>((resolve, reject) => {
    const opened = connectHttp2(server.url, { ca: cert });
    opened.on("error", reject);
    opened.on("connect", () => resolve(opened));
  });
  assert.ok(session.socket instanceof TLSSocket || session.alpnProtocol === "h2");
  assert.equal(session.alpnProtocol, "h2");
  const status = await new Promise((resolve) =>
    session.request({ ":path": "/health" }).on("response", (headers) => resolve(headers[":status"])),
  );
  assert.equal(status, 200);
  session.destroy();
});

test("a certificate that the client does not know is refused by the client", async () => {
  await assert.rejects(fetch(`${server.url}/health`));
});

test("the SDK works over it, sessions included", async () => {
  const before = getCACertificates("default");
  setDefaultCACertificates([...before, cert]);
  try {
    const s2 = new S2({ accessToken: "any", endpoints: new S2Endpoints({ account: server.url, basin: server.url }) });
    await s2.basins.create({ basin: "tls-basin", config: { createStreamOnAppend: true } });
    const stream = s2.basin("tls-basin").stream("s");
    const session = await stream.appendSession();
    const tickets = [];
    for (let i = 0; i < 50; i += 1)
      tickets.push(await session.submit(AppendInput.create([AppendRecord.string({ body: `${i}` })])));
    await Promise.all(tickets.map((ticket) => ticket.ack()));
    await session.close();
    const bodies: string[] = [];
    for await (const record of await stream.readSession({ start: { from: { seqNum: 0 } } })) {
      bodies.push(record.body);
      if (bodies.length === 50) break;
    }
    assert.deepEqual(
      bodies,
      Array.from({ length: 50 }, (_, i) => `${i}`),
    );
    assert.equal((await stream.checkTail()).tail.seqNum, 50);
    await stream.close();
  } finally {
    setDefaultCACertificates(before);
  }
});

test("what is no certificate, or no pair, is refused in one sentence", async () => {
  const wrong = join(directory, "wrong.pem");
  writeFileSync(wrong, "not a certificate\n");
  const other = await generate([{ name: "commonName", value: "other" }]);
  const otherKey = join(directory, "other-key.pem");
  writeFileSync(otherKey, other.private);
  for (const args of [
    ["--tls-cert", certPath],
    ["--tls-key", keyPath],
    ["--tls-cert", join(directory, "none"), "--tls-key", keyPath],
    ["--tls-cert", wrong, "--tls-key", keyPath],
    ["--tls-cert", certPath, "--tls-key", otherKey],
  ]) {
    const refused = TailraceProcess.spawn({ store: "memory:", args });
    assert.equal((await refused.exited).code, ExitCode.usage, refused.output);
    assert.match(refused.output, /^tailrace: [^\n]*tls|^tailrace: [^\n]*(cannot be read|cannot be used)[^\n]*\n$/);
    assert.equal(refused.output.trim().split("\n").length, 1, refused.output);
  }
});
