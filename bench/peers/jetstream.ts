// NATS JetStream with a file store that is synced for every message, through nats.js.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConsumerMessages, DeliverPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import type { Peer, PeerClient } from "./peer.ts";
import { outputOf, startProcess } from "./process.ts";

const STREAM = "events";
/** The first that can sync every message. */
const NEEDED = { major: 2, minor: 10 };

export async function startJetStream(): Promise<Peer | string> {
  const version = /v(\d+)\.(\d+)\.\d+/.exec(outputOf("nats-server", ["--version"]) ?? "");
  if (version === null) return "nats-server is not on the PATH";
  const [name, major, minor] = [version[0], Number(version[1]), Number(version[2])];
  if (major < NEEDED.major || (major === NEEDED.major && minor < NEEDED.minor))
    return `nats-server ${name} cannot sync every message (${NEEDED.major}.${NEEDED.minor} and later can)`;
  const { port, stop } = await startProcess("nats-server", (on, directory) => {
    const config = join(directory, "nats.conf");
    writeFileSync(
      config,
      `listen: "127.0.0.1:${on}"\njetstream { store_dir: "${join(directory, "data")}", sync_interval: always }\n`,
    );
    return ["-c", config];
  });
  const setUp = await connect({ servers: `127.0.0.1:${port}` });
  const manager = await jetstreamManager(setUp);
  await manager.streams.add({ name: STREAM, subjects: [STREAM] });
  await setUp.close();
  return {
    name: `NATS ${name} JetStream`,
    connect: async () => new JetStreamClient(await connect({ servers: `127.0.0.1:${port}` })),
    stop,
  };
}

class JetStreamClient implements PeerClient {
  readonly #connection: NatsConnection;
  readonly #jetstream: ReturnType<typeof jetstream>;
  #messages: ConsumerMessages | undefined;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    this.#jetstream = jetstream(connection);
  }

  async append(body: string): Promise<void> {
    await this.#jetstream.publish(STREAM, body);
  }

  async follow(onRecord: (body: string) => void): Promise<void> {
    const consumer = await this.#jetstream.consumers.get(STREAM, { deliver_policy: DeliverPolicy.New });
    const messages = await consumer.consume();
    this.#messages = messages;
    void (async () => {
      for await (const message of messages) onRecord(message.string());
    })();
  }

  async close(): Promise<void> {
    await this.#messages?.close();
    await this.#connection.close();
  }
}
