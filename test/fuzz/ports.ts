// Fuzzing of the live ports of a real process: HTTP/1.1 and HTTP/2 byte by byte, and the frames of sessions.
// It neither dies, nor hangs, nor answers out of its closed set, nor logs a surprise, nor keeps anything.
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { HttpClient } from "../support/http-client.ts";
import type { TailraceProcess } from "../support/tailrace-process.ts";
import { Chance } from "./chance.ts";
import { corpusOf } from "./corpus.ts";
import { Finding } from "./decoders.ts";
import { mutate } from "./mutate.ts";

const BASIN = "fuzzed-basin";
/** Longer than the server's own deadlines for connections that have ended or never began. */
const HANG_MS = 45_000;
const GROWTH_MIB = 200;
const CONNECTIONS_AT_ONCE = 8;

const STATUSES = [
  100, 200, 201, 202, 204, 400, 401, 403, 404, 405, 408, 409, 412, 413, 415, 416, 417, 422, 429, 431, 501, 503,
];
const CODES = [
  "bad_frame",
  "bad_header",
  "bad_json",
  "bad_path",
  "bad_proto",
  "bad_query",
  "authn",
  "permission_denied",
  "access_token_not_found",
  "basin_not_found",
  "stream_not_found",
  "request_timeout",
  "basin_deletion_pending",
  "resource_already_exists",
  "stream_deletion_pending",
  "transaction_conflict",
  "decryption_failed",
  "invalid",
  "rate_limited",
  "not_implemented",
  "hot_server",
  "server_draining",
];

const PORTS = ["http1", "http2", "s2s-session"] as const;
export type Port = (typeof PORTS)[number];

/** Everything that came back until the server closed, or the connection broke. Rejects when it hangs. */
function exchange(url: string, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port: Number(new URL(url).port), host: "127.0.0.1", allowHalfOpen: true });
    const hung = setTimeout(() => {
      socket.destroy();
      reject(new Error("the connection hangs"));
    }, HANG_MS);
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    // A broken connection is an answer too.
    socket.on("error", () => undefined);
    socket.on("end", () => socket.end());
    socket.on("close", () => {
      clearTimeout(hung);
      resolve(Buffer.concat(chunks));
    });
    socket.end(bytes);
  });
}

function checkHttp1(answer: Buffer): void {
  const text = answer.toString("latin1");
  for (const [, status] of text.matchAll(/(?:^|\n)HTTP\/1\.1 ([0-9]{3}) /g))
    if (!STATUSES.includes(Number(status))) throw new Error(`it answers ${status}`);
  checkCodes(text);
}

function checkCodes(text: string): void {
  for (const [, code] of text.matchAll(/^\{"code":"([^"]*)"/gm))
    if (!CODES.includes(code)) throw new Error(`it answers with the code ${code}`);
}

/** The frames of an append session that sent `bytes`; rejects when it hangs. */
function session(connection: ClientHttp2Session, bytes: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const stream = connection.request({
      ":method": "POST",
      ":path": "/v1/streams/sessions/records",
      "content-type": "s2s/proto",
      "s2-basin": BASIN,
    });
    const chunks: Buffer[] = [];
    const hung = setTimeout(() => {
      stream.destroy();
      reject(new Error("the session hangs"));
    }, HANG_MS);
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("error", () => undefined);
    stream.on("close", () => {
      clearTimeout(hung);
      resolve(Buffer.concat(chunks));
    });
    stream.end(bytes);
  });
}

function checkSession(answer: Buffer): void {
  for (let at = 0; at < answer.length; ) {
    const end = at + 3 + answer.readUIntBE(at, 3);
    if (end > answer.length) throw new Error("a frame is cut off");
    if ((answer[at + 3] & 0x80) !== 0) {
      const status = answer.readUInt16BE(at + 4);
      if (!STATUSES.includes(status)) throw new Error(`a session ends with ${status}`);
      checkCodes(answer.toString("utf8", at + 6, end));
      if (end !== answer.length) throw new Error("something follows a terminal frame");
    }
    at = end;
  }
}

export class PortFuzzer {
  readonly #server: TailraceProcess;
  readonly #http: HttpClient;
  #connection: ClientHttp2Session | undefined;
  #residentMiB = 0;

  constructor(server: TailraceProcess) {
    this.#server = server;
    this.#http = new HttpClient(server.url);
  }

  async prepare(): Promise<void> {
    const basin = await this.#http.json("PUT", `/v1/basins/${BASIN}`, {
      config: { create_stream_on_append: true, create_stream_on_read: true },
    });
    if (basin.status !== 201) throw new Error(`no basin: ${basin.text}`);
    // What it takes for code and buffers comes first.
    for (const port of PORTS) for (const input of corpusOf(port)) await this.#one(port, input);
    this.#residentMiB = await this.#metric("process_resident_memory_bytes");
  }

  async #one(port: Port, input: Uint8Array): Promise<void> {
    try {
      if (port === "s2s-session") {
        if (this.#connection === undefined || this.#connection.destroyed || this.#connection.closed) {
          this.#connection = connectHttp2(this.#server.url);
          this.#connection.on("error", () => undefined);
        }
        checkSession(await session(this.#connection, input));
      } else {
        const answer = await exchange(this.#server.url, input);
        if (port === "http1") checkHttp1(answer);
        else checkCodes(answer.toString("latin1"));
      }
      if (this.#server.child.exitCode !== null) throw new Error(`it died: ${this.#server.output.slice(-2000)}`);
      const surprise = /^.*(unexpectedly|could not be sent|has stopped).*$/m.exec(this.#server.output);
      if (surprise !== null) throw new Error(`it logs ${surprise[0].slice(0, 2000)}`);
    } catch (error) {
      throw new Finding(port, input, error);
    }
  }

  /** Runs mutations of the corpora until the time is over; resolves with how many of each. Errors: Finding. */
  async run(seed: number, budgetMs: number): Promise<Record<Port, number>> {
    const chance = new Chance(seed);
    const runs = { http1: 0, http2: 0, "s2s-session": 0 };
    const untilMs = performance.now() + budgetMs;
    const worker = async () => {
      while (performance.now() < untilMs) {
        const port = chance.pick(PORTS);
        const inputs = corpusOf(port);
        await this.#one(port, mutate(chance.pick(inputs), chance, chance.pick(inputs)));
        runs[port] += 1;
      }
    };
    await Promise.all(Array.from({ length: CONNECTIONS_AT_ONCE }, worker));
    return runs;
  }

  /** Errors: whatever is left behind, in words. */
  async finish(): Promise<void> {
    this.#connection?.destroy();
    const health = await this.#http.send("GET", "/health");
    if (health.status !== 200) throw new Error(`it is not well: ${health.status}`);
    for (const name of ["tailrace_readers", "tailrace_in_flight_append_bytes", "tailrace_waiting_append_bytes"]) {
      const untilMs = performance.now() + HANG_MS;
      while ((await this.#metric(name)) !== 0) {
        if (performance.now() > untilMs) throw new Error(`${name} is ${await this.#metric(name)} with nobody there`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    const grown = ((await this.#metric("process_resident_memory_bytes")) - this.#residentMiB) / 1024 / 1024;
    if (grown > GROWTH_MIB) throw new Error(`${Math.round(grown)} MiB more in memory`);
    this.#http.close();
  }

  async #metric(name: string): Promise<number> {
    const { text } = await this.#http.send("GET", "/metrics");
    return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]);
  }
}
