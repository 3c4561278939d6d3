// What HTTP/2 gives in Node to whoever does nothing but send and take: one stream, constant bytes, a server in a process of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:http2";
import { join } from "node:path";
import type { Figures } from "../report.ts";

const MIB = 1024 * 1024;
const WINDOW_BYTES = 64 * MIB;

export async function bareHttp2(secs: number): Promise<Figures> {
  const server = spawn(process.execPath, [join(import.meta.dirname, "http2-server.ts")], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const kill = () => server.kill("SIGKILL");
  process.on("exit", kill);
  try {
    const [port] = await once(server.stdout, "data");
    return { "read MiB/s": await rateFrom(Number(String(port)), secs) };
  } finally {
    kill();
    process.off("exit", kill);
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
  }
}

/** MiB a second. */
async function rateFrom(port: number, secs: number): Promise<number> {
  const session = connect(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: WINDOW_BYTES } });
  await once(session, "connect");
  session.setLocalWindowSize(WINDOW_BYTES);
  let bytes = 0;
  const startMs = performance.now();
  const stream = session.request({ ":path": "/" });
  stream.on("data", (piece: Buffer) => {
    bytes += piece.length;
    if (performance.now() - startMs >= secs * 1000) stream.destroy();
  });
  await once(stream, "close");
  const took = (performance.now() - startMs) / 1000;
  session.destroy();
  return bytes / MIB / took;
}
