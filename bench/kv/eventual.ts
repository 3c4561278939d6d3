// GETs by connections that have said READONLY first, which redis-benchmark cannot: as many sockets, one request on each at a time.
// The answer's length is known, so that the load costs little; what it costs is the same for every server.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { percentile } from "../load/percentile.ts";
import type { LoadFigures } from "./redis-benchmark.ts";

const KEY = "eventual";
const VALUE = "xxx";
const command = (...args: readonly string[]): string =>
  `*${args.length}\r\n${args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("")}`;
const GET = Buffer.from(command("GET", KEY));
const ANSWER_BYTES = `$${VALUE.length}\r\n${VALUE}\r\n`.length;
const OK_BYTES = "+OK\r\n".length;

/** `readonly` where the server is to answer with what it has. */
export async function eventualGets(
  port: number,
  clients: number,
  readonly: boolean,
  secs: number,
): Promise<LoadFigures> {
  const sockets = await Promise.all(Array.from({ length: clients }, () => opened(port)));
  await exchange(sockets[0], command("SET", KEY, VALUE), OK_BYTES);
  if (readonly) await Promise.all(sockets.map((socket) => exchange(socket, command("READONLY"), OK_BYTES)));
  const waitsMs: number[] = [];
  const fromMs = performance.now();
  const untilMs = fromMs + secs * 1000;
  await Promise.all(sockets.map((socket) => ask(socket, untilMs, waitsMs)));
  const elapsedSecs = (performance.now() - fromMs) / 1000;
  for (const socket of sockets) socket.destroy();
  return {
    "requests/s": waitsMs.length / elapsedSecs,
    "p50 ms": percentile(waitsMs, 0.5),
    "p99 ms": percentile(waitsMs, 0.99),
    requests: waitsMs.length,
  };
}

async function opened(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

function exchange(socket: Socket, request: string, answerBytes: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = answerBytes;
    const take = (chunk: Buffer) => {
      missing -= chunk.length;
      if (missing > 0) return;
      socket.off("data", take);
      if (missing < 0) reject(new Error("a server answered otherwise than expected"));
      else resolve();
    };
    socket.on("data", take);
    socket.write(request);
  });
}

/** One after the other, until the time is over. */
function ask(socket: Socket, untilMs: number, waitsMs: number[]): Promise<void> {
  return new Promise((resolve, reject) => {
    let missing = ANSWER_BYTES;
    let sentMs = performance.now();
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("a server closed a connection")));
    socket.on("data", (chunk: Buffer) => {
      missing -= chunk.length;
      if (missing > 0) return;
      if (missing < 0) reject(new Error("a server answered otherwise than expected"));
      const nowMs = performance.now();
      waitsMs.push(nowMs - sentMs);
      if (nowMs >= untilMs) return resolve();
      missing = ANSWER_BYTES;
      sentMs = nowMs;
      socket.write(GET);
    });
    socket.write(GET);
  });
}
