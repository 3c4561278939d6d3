// The Redis port byte by byte: order, transactions, subscriptions, and clients that behave badly.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LocalKv } from "./support.ts";

describe("a connection", () => {
  let kv: LocalKv;
  before(async () => {
    kv = await LocalKv.start();
  });
  after(() => kv.stop());

  test("sees its own pipelined commands take effect one after the other", async () => {
    const client = kv.connect();
    const commands: string[][] = [];
    let expected = "";
    for (let i = 0; i < 200; i += 1) {
      commands.push(["SET", "order", String(i)], ["GET", "order"], ["GET", "order"], ["PING"], ["INCR", "order"]);
      const bulk = `$${String(i).length}\r\n${i}\r\n`;
      expected += `+OK\r\n${bulk}${bulk}+PONG\r\n:${i + 1}\r\n`;
    }
    client.send(...commands);
    await client.expect(expected);
    client.end();
  });

  test("gets errors where they belong, and goes on behind them", async () => {
    const client = kv.connect();
    client.send(["NOPE", "a"], ["SET", "a"], ["SET", "l", "x"], ["INCR", "l"], ["GET", "l"]);
    await client.expect(
      "-ERR unknown command 'NOPE', with args beginning with: 'a' \r\n" +
        "-ERR wrong number of arguments for 'set' command\r\n+OK\r\n" +
        "-ERR value is not an integer or out of range\r\n$1\r\nx\r\n",
    );
    client.end();
  });

  test("has what it queues applied as one, and nothing of what was refused", async () => {
    const client = kv.connect();
    client.send(["DEL", "m"], ["MULTI"], ["INCR", "m"], ["GET", "m"], ["PING"], ["GET", "nothing"], ["EXEC"]);
    await client.expect(
      ":0\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n:1\r\n$1\r\n1\r\n+PONG\r\n$-1\r\n",
    );
    client.send(["MULTI"], ["INCR", "m"], ["NOPE"], ["EXEC"], ["GET", "m"], ["EXEC"]);
    await client.expect(
      "+OK\r\n+QUEUED\r\n-ERR unknown command 'NOPE', with args beginning with: \r\n" +
        "-EXECABORT Transaction discarded because of previous errors.\r\n$1\r\n1\r\n-ERR EXEC without MULTI\r\n",
    );
    client.send(["MULTI"], ["MULTI"], ["WATCH", "m"], ["DISCARD"], ["DISCARD"], ["GET", "m"]);
    await client.expect(
      "+OK\r\n-ERR MULTI calls can not be nested\r\n-ERR WATCH inside MULTI is not allowed\r\n+OK\r\n" +
        "-ERR DISCARD without MULTI\r\n$1\r\n1\r\n",
    );
    client.end();
  });

  test("whose watched key was changed by another one does nothing", async () => {
    const client = kv.connect();
    const other = kv.connect();
    client.send(["SET", "w", "1"], ["WATCH", "w", "absent"], ["GET", "w"]);
    await client.expect("+OK\r\n+OK\r\n$1\r\n1\r\n");
    other.send(["SET", "w", "2"]);
    await other.expect("+OK\r\n");
    client.send(["MULTI"], ["SET", "w", "3"], ["EXEC"], ["GET", "w"]);
    await client.expect("+OK\r\n+QUEUED\r\n*-1\r\n$1\r\n2\r\n");
    client.send(["WATCH", "absent"], ["MULTI"], ["SET", "w", "3"], ["EXEC"], ["GET", "w"]);
    await client.expect("+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n$1\r\n3\r\n");
    client.end();
    other.end();
  });

  test("gets the messages of its channels and patterns, in RESP2 and RESP3", async () => {
    const [two, three, publisher] = [kv.connect(), kv.connect(), kv.connect()];
    two.send(["SUBSCRIBE", "news", "more"]);
    await two.expect("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$4\r\nmore\r\n:2\r\n");
    three.write("HELLO 3\r\n");
    await three.expect("%7\r\n");
    three.send(["PSUBSCRIBE", "n?ws"]);
    publisher.send(["PING"]);
    await publisher.expect("+PONG\r\n");
    while (!three.received.includes("psubscribe")) await new Promise((resolve) => setImmediate(resolve));
    three.received = "";
    publisher.send(["PUBLISH", "news", "x\r\ny"], ["PUBLISH", "other", "z"], ["PUBSUB", "NUMSUB", "news"]);
    await publisher.expect(":2\r\n:0\r\n*2\r\n$4\r\nnews\r\n:1\r\n");
    await two.expect("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$4\r\nx\r\ny\r\n");
    await three.expect(">4\r\n$8\r\npmessage\r\n$4\r\nn?ws\r\n$4\r\nnews\r\n$4\r\nx\r\ny\r\n");
    two.send(["GET", "a"], ["PING"], ["UNSUBSCRIBE"]);
    await two.expect(
      "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n",
    );
    await two.expect("*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    await two.expect(
      "*3\r\n$11\r\nunsubscribe\r\n$4\r\nnews\r\n:1\r\n*3\r\n$11\r\nunsubscribe\r\n$4\r\nmore\r\n:0\r\n",
    );
    two.end();
    await two.closed;
    three.end();
    await three.closed;
    publisher.end();
  });

  test("that has sent all it has is answered, then closed", async () => {
    const client = kv.connect();
    client.write("SET half closed\r\nGET half\r\nQUIT\r\nGET never\r\n");
    client.socket.end();
    await client.expect("+OK\r\n$6\r\nclosed\r\n+OK\r\n");
    await client.closed;
    assert.equal(client.received, "");
  });

  test("that was let go and does not go is closed", async (t) => {
    const own = await LocalKv.start();
    t.after(() => own.stop());
    const client = own.connect();
    client.socket.removeAllListeners("end");
    client.send(["QUIT"]);
    await client.expect("+OK\r\n");
    while (own.server.clients > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    client.end();
  });

  test("that speaks something else is told so and closed, and a browser is not even told", async () => {
    const client = kv.connect();
    client.write("*1\r\n!4\r\n");
    await client.expect("-ERR Protocol error: expected '$', got '!'\r\n");
    await client.closed;
    const browser = kv.connect();
    browser.write("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET stolen 1\r\n");
    await browser.closed;
    assert.equal(browser.received, "");
    assert.equal(kv.store.keyspace.get("stolen"), undefined);
  });

  test("is refused what is too large for a record, and keeps its connection", async () => {
    const client = kv.connect();
    client.send(["SET", "big", "x".repeat(1024 * 1024)], ["SET", "bigger", "x".repeat(3 * 1024 * 1024)], ["PING"]);
    while (!client.received.endsWith("+PONG\r\n")) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.match(
      client.received,
      /^-ERR command is too large: [^\r]*\r\n-ERR command is too large: [^\r]*\r\n\+PONG\r\n$/,
    );
    client.received = "";
    client.send(["SET", "k".repeat(64 * 1024 + 1), "x"]);
    await client.expect("-ERR key is too long: up to 65536 bytes are allowed\r\n");
    client.end();
  });

  test("is refused a reply that is too large, and keeps its connection", async () => {
    const client = kv.connect();
    client.send(
      ["SET", "large", "x".repeat(1_000_000)],
      ["MGET", ...Array.from({ length: 200 }, () => "large")],
      ["PING"],
    );
    await client.expect("+OK\r\n-ERR reply is too large: up to 134217728 bytes are allowed\r\n+PONG\r\n");
    client.end();
  });

  test("whose client takes nothing is not served on and on", async () => {
    const client = kv.connect();
    client.send(["SET", "large", "x".repeat(500_000)]);
    await client.expect("+OK\r\n");
    client.socket.pause();
    // All at once, behind replies so small that as many as may be are begun together.
    client.send(["PING"], ...Array.from({ length: 2000 }, () => ["GET", "large"]));
    const served = () => kv.server.stats.bytesOut;
    let before = -1;
    // Until nothing more comes out: far from the gigabyte that was asked for.
    while (served() !== before) {
      before = served();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(served() < 100_000_000, `${served()} bytes`);
    client.end();
    await client.closed;
  });
});

describe("a port with a password", () => {
  test("answers nobody who does not know it", async (t) => {
    const kv = await LocalKv.start({ password: "s3cret" });
    t.after(() => kv.stop());
    const client = kv.connect();
    client.send(["GET", "a"], ["AUTH", "wrong"], ["AUTH", "nobody", "s3cret"], ["HELLO", "3"]);
    const wrong = "-WRONGPASS invalid username-password pair or user is disabled.\r\n";
    await client.expect(`-NOAUTH Authentication required.\r\n${wrong}${wrong}-NOAUTH HELLO must be called`);
    client.received = "";
    client.send(["AUTH", "s3cret"], ["GET", "a"], ["RESET"], ["GET", "a"]);
    while (!client.received.includes("+OK")) await new Promise((resolve) => setImmediate(resolve));
    client.received = client.received.slice(client.received.indexOf("+OK"));
    await client.expect("+OK\r\n$-1\r\n+RESET\r\n-NOAUTH Authentication required.\r\n");
    client.end();
  });

  test("has room for so many connections, and says so to others", async (t) => {
    const kv = await LocalKv.start({ maxClients: 1 });
    t.after(() => kv.stop());
    const first = kv.connect();
    first.send(["PING"]);
    await first.expect("+PONG\r\n");
    const second = kv.connect();
    await second.expect("-ERR max number of clients reached\r\n");
    await second.closed;
    first.end();
  });
});

describe("while the log is away", () => {
  test("a client is told what that means for its command, and may read what this replica has", async (t) => {
    const kv = await LocalKv.start({ readTimeoutMs: 300, proposalTimeoutMs: 300 });
    t.after(() => kv.stop());
    const client = kv.connect();
    client.send(["SET", "a", "1"]);
    await client.expect("+OK\r\n");
    kv.stream.weather.down = true;
    kv.stream.wakeAll();
    client.send(["READONLY"], ["GET", "a"], ["READWRITE"], ["GET", "a"]);
    await client.expect("+OK\r\n$1\r\n1\r\n+OK\r\n-UNAVAILABLE the log does not answer; nothing was done\r\n");
    client.send(["SET", "a", "2"]);
    await client.expect(
      "-UNCERTAIN the log has not told in time whether this was written; it may have been, or may be yet\r\n",
    );
    kv.stream.weather.down = false;
    // It was sent again by itself: once the log is back, it is there.
    while (!client.received.includes("$1\r\n2\r\n")) {
      client.send(["GET", "a"]);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    client.end();
  });
});
