// Commands that wait for another client's write, over the Redis port of one replica and of two.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { LocalKv, type RawClient } from "./support.ts";

const popped = (key: string, value: string) => `*2\r\n$${key.length}\r\n${key}\r\n$${value.length}\r\n${value}\r\n`;

describe("a blocking command", () => {
  let one: LocalKv;
  let two: LocalKv;
  before(async () => {
    one = await LocalKv.start();
    two = await LocalKv.start({}, one.stream);
  });
  after(async () => {
    await one.stop();
    await two.stop();
  });

  /** Resolves once so many connections of a replica wait. */
  async function waiting(kv: LocalKv, count: number): Promise<void> {
    while (kv.server.stats.blocked !== count) await new Promise((resolve) => setTimeout(resolve, 1));
    // Their first tries have been to the log when a write behind them is answered.
    await kv.store.write({ commands: [["SET", "fence", "1"]] });
  }

  async function told(client: RawClient, ...args: string[]): Promise<string> {
    client.received = "";
    client.send(args);
    while (!client.received.endsWith("\r\n")) await new Promise((resolve) => setTimeout(resolve, 1));
    const { received } = client;
    client.received = "";
    return received;
  }

  test("takes what is there at once, and waits for nothing", async () => {
    const client = one.connect();
    client.send(["RPUSH", "there", "a", "b"], ["BLPOP", "empty", "there", "0"], ["BRPOP", "there", "0"]);
    await client.expect(`:2\r\n${popped("there", "a")}${popped("there", "b")}`);
    client.end();
  });

  test("waits for a write of another client, also at another replica, and is answered in its turn", async () => {
    const client = one.connect();
    const other = two.connect();
    client.send(["BLPOP", "q", "0"], ["PING"]);
    await waiting(one, 1);
    assert.equal(client.received, "", "what is behind it waits, too");
    assert.equal(await told(other, "RPUSH", "q", "x"), ":1\r\n");
    await client.expect(`${popped("q", "x")}+PONG\r\n`);
    assert.equal(await told(other, "EXISTS", "q"), ":0\r\n");
    client.end();
    other.end();
  });

  test("serves who came first first, as many as there are elements", async () => {
    const clients = Array.from({ length: 3 }, () => one.connect());
    for (const [i, client] of clients.entries()) {
      client.send(["BLPOP", "fair", "0"]);
      await waiting(one, i + 1);
    }
    const other = two.connect();
    assert.equal(await told(other, "RPUSH", "fair", "a", "b"), ":2\r\n");
    await clients[0].expect(popped("fair", "a"));
    await clients[1].expect(popped("fair", "b"));
    assert.equal(clients[2].received, "");
    assert.equal(await told(other, "RPUSH", "fair", "c"), ":1\r\n");
    await clients[2].expect(popped("fair", "c"));
    for (const client of [...clients, other]) client.end();
  });

  test("gives an element to one client of the fleet only", async () => {
    const clients = [one.connect(), two.connect(), one.connect(), two.connect()];
    for (const client of clients) client.send(["BLPOP", "once", "0"]);
    await waiting(one, 2);
    await waiting(two, 2);
    const other = two.connect();
    for (let i = 0; i < clients.length; i += 1) assert.equal(await told(other, "RPUSH", "once", String(i)), ":1\r\n");
    while (clients.some(({ received }) => received === "")) await new Promise((resolve) => setTimeout(resolve, 1));
    assert.deepEqual(
      clients.map(({ received }) => received).sort(),
      ["0", "1", "2", "3"].map((i) => popped("once", i)),
    );
    for (const client of [...clients, other]) client.end();
  });

  test("gives up when its time is over, or when it is told to", async () => {
    const client = one.connect();
    client.send(["BLPOP", "nothing", "0.02"], ["BLPOP", "nothing", "-1"], ["BLPOP", "nothing", "x"]);
    await client.expect("*-1\r\n-ERR timeout is negative\r\n-ERR timeout is not a float or out of range\r\n");
    const id = (await told(client, "CLIENT", "ID")).slice(1, -2);
    const other = one.connect();
    client.send(["BLPOP", "nothing", "0"]);
    await waiting(one, 1);
    assert.equal(await told(other, "CLIENT", "UNBLOCK", id), ":1\r\n");
    await client.expect("*-1\r\n");
    client.send(["BRPOP", "nothing", "0"]);
    await waiting(one, 1);
    assert.equal(await told(other, "CLIENT", "UNBLOCK", id, "ERROR"), ":1\r\n");
    await client.expect("-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
    assert.equal(await told(other, "CLIENT", "UNBLOCK", id), ":0\r\n");
    client.end();
    other.end();
  });

  test("takes nothing for a client that has gone", async () => {
    const client = one.connect();
    client.send(["BLPOP", "gone", "0"]);
    await waiting(one, 1);
    client.end();
    await client.closed;
    await waiting(one, 0);
    const other = one.connect();
    assert.equal(await told(other, "RPUSH", "gone", "x"), ":1\r\n");
    assert.equal(await told(other, "LLEN", "gone"), ":1\r\n");
    other.end();
  });

  test("waits for nothing within a transaction", async () => {
    const client = one.connect();
    client.send(["MULTI"], ["BLPOP", "nothing", "0"], ["PING"], ["EXEC"]);
    await client.expect("+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n*-1\r\n+PONG\r\n");
    client.end();
  });

  test("moves between lists, and waits for sorted sets, too", async () => {
    const [mover, ranked, other] = [one.connect(), two.connect(), one.connect()];
    mover.send(["BLMOVE", "from", "to", "LEFT", "RIGHT", "0"]);
    ranked.send(["BZPOPMIN", "scores", "0"]);
    await waiting(one, 1);
    await waiting(two, 1);
    other.send(["RPUSH", "from", "x"], ["ZADD", "scores", "1", "m"]);
    await mover.expect("$1\r\nx\r\n");
    await ranked.expect("*3\r\n$6\r\nscores\r\n$1\r\nm\r\n$1\r\n1\r\n");
    await other.expect(":1\r\n:1\r\n");
    assert.equal(await told(other, "LRANGE", "to", "0", "-1"), "*1\r\n$1\r\nx\r\n");
    for (const client of [mover, ranked, other]) client.end();
  });
});
