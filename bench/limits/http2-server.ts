// node bench/limits/http2-server.ts: answers every request with the same bytes over and over, until nobody takes them. Prints its port.
import { createServer, type ServerHttp2Stream } from "node:http2";

const PIECE = Buffer.alloc(1024 * 1024, "limit");

function send(stream: ServerHttp2Stream): void {
  while (!stream.destroyed) {
    if (stream.write(PIECE)) continue;
    stream.once("drain", () => send(stream));
    return;
  }
}

const server = createServer();
server.on("stream", (stream: ServerHttp2Stream) => {
  // The reader leaves when it has seen enough.
  stream.on("error", () => undefined);
  stream.respond({ ":status": 200 });
  send(stream);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address !== "string") console.log(address.port);
});
