// Answers in a crowd leave when a turn ends, all of them, in the order in which they were written; elsewhere at once.
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { systemRuntime } from "@tailrace/engine/runtime";
import { EndOfTurn } from "./end-of-turn.ts";

const server = createServer();
const received = new Map<number, string>();
let sockets: Socket[] = [];

before(async () => {
  server.on("connection", (socket) => {
    const port = socket.remotePort ?? 0;
    received.set(port, "");
    socket.on("data", (bytes: Buffer) => received.set(port, received.get(port) + bytes.toString("latin1")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  sockets = Array.from({ length: 3 }, () => connect((server.address() as AddressInfo).port, "127.0.0.1"));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
});
after(() => {
  for (const socket of sockets) socket.destroy();
  server.close();
});

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("in a crowd what is written is held until the turn is over, and nothing of it is lost or turned around", async () => {
  const endOfTurn = new EndOfTurn(systemRuntime, () => 8);
  for (let i = 0; i < 5; i += 1) {
    for (const socket of sockets) {
      endOfTurn.hold(socket);
      socket.write(`${i},`, "latin1");
    }
  }
  assert.deepEqual(
    sockets.map((socket) => socket.writableLength),
    [10, 10, 10],
  );
  await nextTurn();
  assert.deepEqual(
    sockets.map((socket) => [socket.writableLength, socket.writableCorked]),
    [
      [0, 0],
      [0, 0],
      [0, 0],
    ],
  );
  while ([...received.values()].some((text) => text.length < 10)) await nextTurn();
  assert.deepEqual([...received.values()], ["0,1,2,3,4,", "0,1,2,3,4,", "0,1,2,3,4,"]);
});

test("without a crowd it leaves at once", () => {
  const endOfTurn = new EndOfTurn(systemRuntime, () => 7);
  const [socket] = sockets;
  endOfTurn.hold(socket);
  socket.write("now", "latin1");
  assert.deepEqual([socket.writableLength, socket.writableCorked], [0, 0]);
});
