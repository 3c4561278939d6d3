// Connections in the fast lane answer as Node's server does, in order, and give it whatever is not plain.
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { systemRuntime } from "@tailrace/engine/runtime";
import { BASIN, serve, type TestServer } from "./support.ts";

let served: TestServer;
before(async () => {
  served = await serve();
});
after(() => served.stop());

/** A connection, and what has come back on it. */
class Wire {
  readonly socket: Socket;
  received = "";
  closed = false;
  #changed: () => void = () => undefined;

  constructor(url: string) {
    this.socket = connect(Number(new URL(url).port), "127.0.0.1");
    this.socket.on("data", (chunk: Buffer) => {
      this.received += chunk.toString("latin1");
      this.#changed();
    });
    this.socket.on("error", () => undefined);
    this.socket.on("close", () => {
      this.closed = true;
      this.#changed();
    });
  }

  send(...pieces: readonly (string | Buffer)[]): void {
    for (const piece of pieces) this.socket.write(piece);
  }

  async until(done: () => boolean): Promise<void> {
    while (!done()) {
      assert.ok(!this.closed || done(), `closed after ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => {
        this.#changed = resolve;
      });
    }
  }

  /** The next `count` answers, taken off: status, headers, body. */
  async answers(count: number): Promise<{ status: number; headers: Map<string, string>; body: string }[]> {
    const found = [];
    while (found.length < count) {
      const end = () => this.received.indexOf("\r\n\r\n");
      await this.until(() => end() >= 0);
      const [line, ...lines] = this.received.slice(0, end()).split("\r\n");
      const headers = new Map<string, string>();
      for (const each of lines) {
        const colon = each.indexOf(":");
        headers.set(each.slice(0, colon).toLowerCase(), each.slice(colon + 1).trim());
      }
      const bodyAt = end() + 4;
      const length = Number(headers.get("content-length") ?? 0);
      await this.until(() => this.received.length >= bodyAt + length);
      found.push({ status: Number(line.split(" ")[1]), headers, body: this.received.slice(bodyAt, bodyAt + length) });
      this.received = this.received.slice(bodyAt + length);
    }
    return found;
  }
}

async function withWire<T>(work: (wire: Wire) => Promise<T>): Promise<T> {
  const wire = new Wire(served.url);
  try {
    return await work(wire);
  } finally {
    wire.socket.destroy();
  }
}

const get = (path: string, headers = "") => `GET ${path} HTTP/1.1\r\nHost: h\r\ns2-basin: ${BASIN}\r\n${headers}\r\n`;
const post = (stream: string, body: string, headers = "") =>
  `POST /v1/streams/${stream}/records HTTP/1.1\r\nHost: h\r\ns2-basin: ${BASIN}\r\ncontent-type: application/json\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const record = (body: string) => `{"records":[{"body":${JSON.stringify(body)},"timestamp":5}]}`;

/** Leaves a request as it is but for the lane. */
const NODES = "origin: http://elsewhere\r\n";

test("answers are those of Node's server", async () => {
  await withWire(async (wire) => {
    wire.send(post("same", record("grüße")), post("same", record("x".repeat(3000))));
    await wire.answers(2);
    const paths = [
      "/v1/streams/same/records/tail",
      "/v1/streams/same/records?seq_num=0&count=1",
      "/v1/streams/same/records?seq_num=1",
      "/v1/streams/same/records?seq_num=7",
      "/v1/streams/same/records?seq_num=x",
      "/v1/streams/same/records?seq_num=%30&count=1",
      "/v1/streams/same",
      "/v1/streams/none/records/tail",
      "/v1/streams/%ff/records/tail",
      "/v1/streams/same/nothing",
    ];
    for (const path of paths) {
      for (const headers of [
        "",
        "accept: application/protobuf\r\n",
        "accept-encoding: gzip\r\n",
        "s2-format: base64\r\n",
      ]) {
        wire.send(get(path, headers));
        const [ours] = await wire.answers(1);
        const [nodes] = await withWire((other) => {
          other.send(get(path, headers + NODES));
          return other.answers(1);
        });
        const own = ["date", "connection", "keep-alive", "vary"];
        const comparable = (answer: typeof ours) => ({
          status: answer.status,
          headers: [...answer.headers]
            .filter(([name]) => !own.includes(name) && !name.startsWith("access-control"))
            .toSorted(([a], [b]) => (a < b ? -1 : 1)),
          body: answer.body,
        });
        assert.deepEqual(comparable(ours), comparable(nodes), `${path} ${headers}`);
        for (const name of ["date", "connection", "keep-alive"])
          assert.equal(ours.headers.get(name)?.length, nodes.headers.get(name)?.length, `${path}: ${name}`);
      }
    }
  });
});

test("requests sent together are answered in their order, those that wait and those that do not", async () => {
  await withWire(async (wire) => {
    const tail = get("/v1/streams/order/records/tail");
    const batch: string[] = [];
    for (let i = 0; i < 50; i += 1) batch.push(post("order", record(`r${i}`)), tail);
    wire.send(batch.join(""));
    const answers = await wire.answers(100);
    answers.forEach(({ status, body }, i) => {
      const json = JSON.parse(body);
      assert.equal(status, 200);
      assert.equal(i % 2 === 0 ? json.end.seq_num : json.tail.seq_num, (i >> 1) + 1);
    });
  });
});

test("a body may come in pieces, and a large one is Node's", async () => {
  await withWire(async (wire) => {
    const text = post("pieces", record("p".repeat(20_000)));
    for (const at of [150, 300, 10_000]) {
      wire.send(text.slice(0, at));
      await new Promise((resolve) => setImmediate(resolve));
      wire.send(text.slice(at));
      assert.equal((await wire.answers(1))[0].status, 200);
    }
    wire.send(post("pieces", record("q".repeat(300_000))));
    assert.equal(JSON.parse((await wire.answers(1))[0].body).start.seq_num, 3);
    wire.send(get("/v1/streams/pieces/records/tail"));
    assert.equal(JSON.parse((await wire.answers(1))[0].body).tail.seq_num, 4);
  });
});

test("a connection goes to Node in the middle of what it has sent, and nothing of it is lost", async () => {
  await withWire(async (wire) => {
    const tail = get("/v1/streams/order/records/tail");
    const chunked = `POST /v1/streams/middle/records HTTP/1.1\r\nHost: h\r\ns2-basin: ${BASIN}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`;
    const body = record("chunked");
    wire.send(
      tail,
      post("middle", record("one")),
      `${chunked}${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n${tail}`,
    );
    const answers = await wire.answers(4);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 200, 200],
    );
    assert.equal(JSON.parse(answers[2].body).start.seq_num, 1);
  });
});

test("an event stream and a session that follow a plain request are served", async () => {
  await withWire(async (wire) => {
    wire.send(post("events", record("e")));
    await wire.answers(1);
    wire.send(get("/v1/streams/events/records?seq_num=0&count=1", "accept: text/event-stream\r\n"));
    await wire.until(() => wire.received.includes("[DONE]"));
  });
});

test("a body that does not come is given to Node, with what there is of it", async () => {
  let expire: (() => void) | undefined;
  const runtime = {
    ...systemRuntime,
    timers: {
      ...systemRuntime.timers,
      set: (delayMs: number, callback: () => void) => {
        if (delayMs === 10_000) expire = callback;
        return systemRuntime.timers.set(delayMs, callback);
      },
    },
  };
  const own = await serve({ runtime });
  const wire = new Wire(own.url);
  const text = post("late", record("late"));
  wire.send(get("/v1/streams/none/records/tail"), text.slice(0, -5));
  await wire.answers(1);
  while (expire === undefined) await new Promise((resolve) => setImmediate(resolve));
  expire();
  wire.send(text.slice(-5));
  assert.equal((await wire.answers(1))[0].status, 200);
  wire.socket.destroy();
  await own.stop();
});

test("a client that takes no answers is not read from", async () => {
  await withWire(async (wire) => {
    wire.send(post("greedy", record("g".repeat(60_000))));
    await wire.answers(1);
    wire.socket.pause();
    const ask = get("/v1/streams/greedy/records?seq_num=0&count=1");
    const asked = 2_000;
    wire.send(Buffer.from(ask.repeat(asked)));
    const before = process.memoryUsage().external + process.memoryUsage().heapUsed;
    for (let i = 0; i < 200; i += 1) await new Promise((resolve) => setImmediate(resolve));
    const grown = process.memoryUsage().external + process.memoryUsage().heapUsed - before;
    // All the answers together are 120 MB.
    assert.ok(grown < 60_000_000, `${grown} bytes more`);
    wire.socket.resume();
    let answered = 0;
    while (answered < asked) answered += (await wire.answers(1)).length;
  });
});

test("a drain answers what has begun, says that it closes, and closes", async () => {
  const own = await serve();
  const idle = new Wire(own.url);
  idle.send(get("/v1/streams/none/records/tail"));
  await idle.answers(1);
  const waiting = new Wire(own.url);
  waiting.send(post("drained", record("d")));
  await waiting.answers(1);
  waiting.send(get("/v1/streams/drained/records?seq_num=1&wait=60"));
  while (own.engine.stats().activeReaders === 0) await new Promise((resolve) => setImmediate(resolve));
  const drained = own.server.drain(5_000);
  await idle.until(() => idle.closed);
  // That it found nothing is not known: it has not waited for as long as it was to.
  const [answer] = await waiting.answers(1);
  assert.equal(answer.status, 503);
  assert.equal(answer.headers.get("connection"), "close");
  await waiting.until(() => waiting.closed);
  await drained;
  await own.stop();
});

test("answers to a crowd of connections come whole and in order, also those after which a connection ends", async () => {
  const stream = "crowd";
  await withWire(async (wire) => {
    wire.send(post(stream, JSON.stringify({ records: [{ body: "ä" }, { body: "x".repeat(5000) }] })));
    assert.equal((await wire.answers(1))[0].status, 200);
  });
  const wires = Array.from({ length: 24 }, () => new Wire(served.url));
  try {
    const path = (seqNum: number) => `/v1/streams/${stream}/records?count=1&seq_num=${seqNum}`;
    for (const wire of wires) wire.send(get(path(0)), get(path(1)), get(`/v1/streams/${stream}/records/tail`));
    for (const wire of wires) {
      const [first, second, tail] = await wire.answers(3);
      assert.equal(Buffer.from(JSON.parse(first.body).records[0].body, "latin1").toString("utf8"), "ä");
      assert.equal(JSON.parse(second.body).records[0].body, "x".repeat(5000));
      assert.equal(JSON.parse(tail.body).tail.seq_num, 2);
    }
    // Half of it: the request is answered, by Node's server, and the connection closed.
    for (const wire of wires) wire.send(get(path(1), "connection: close\r\n"));
    for (const wire of wires) assert.equal((await wire.answers(1))[0].status, 200);
    for (const wire of wires) await wire.until(() => wire.closed);
  } finally {
    for (const wire of wires) wire.socket.destroy();
  }
});
