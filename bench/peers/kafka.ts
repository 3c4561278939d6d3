// Kafka as one node of its own (KRaft) that syncs its log for every append (flush.messages=1, acks=all), through kafkajs. The client sends every append as a
// request of its own, and the broker answers the requests of a connection one after the other.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { freePort } from "../servers/server.ts";
import { installKafka, KAFKA_VERSION, type KafkaInstallation } from "./kafka-install.ts";
import type { Peer, PeerClient } from "./peer.ts";
import { startProcess } from "./process.ts";

const TOPIC = "events";
const CLUSTER_ID = "dGFpbHJhY2UtYmVuY2gtMQ";
const ALL_IN_SYNC = -1;
/** A JVM that starts, and elects itself. */
const START_DEADLINE_MS = 60_000;
const JVM = ["-Xms512m", "-Xmx512m"];

/** What is used of kafkajs, which is not installed with the project. */
interface KafkaJs {
  readonly Kafka: new (options: { brokers: string[]; logLevel: number }) => KafkaConnection;
  readonly logLevel: { readonly NOTHING: number };
  readonly Partitioners: { readonly DefaultPartitioner: unknown };
}

interface Connectable {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
}

interface KafkaConnection {
  admin(): Connectable & {
    createTopics(request: {
      waitForLeaders: boolean;
      topics: readonly { topic: string; numPartitions: number; configEntries: readonly object[] }[];
    }): Promise<boolean>;
    fetchTopicOffsets(topic: string): Promise<{ partition: number; high: string }[]>;
  };
  producer(options: { createPartitioner: unknown }): Producer;
  consumer(options: { groupId: string }): Consumer;
}

interface Producer extends Connectable {
  send(request: { topic: string; acks: number; messages: readonly { value: string }[] }): Promise<unknown>;
}

interface Consumer extends Connectable {
  readonly events: { readonly GROUP_JOIN: string; readonly FETCH_START: string };
  on(event: string, listener: () => void): () => void;
  subscribe(request: { topic: string; fromBeginning: boolean }): Promise<void>;
  run(handlers: { eachMessage(received: { message: { value: Buffer | null } }): Promise<void> }): Promise<void>;
  seek(to: { topic: string; partition: number; offset: string }): void;
}

export async function startKafka(): Promise<Peer | string> {
  const installed = installKafka();
  if (typeof installed === "string") return installed;
  try {
    return await start(installed);
  } catch (error) {
    return `Kafka: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function start(installed: KafkaInstallation): Promise<Peer> {
  // kafkajs is CommonJS, outside of this project's modules.
  const kafkajs = createRequire(join(installed.clientDirectory, "package.json"))("kafkajs") as KafkaJs;
  const controllerPort = await freePort();
  const java = (...args: string[]) => [...JVM, "-cp", installed.classPath, ...args];
  const { port, stop } = await startProcess(
    "java",
    (on, directory) => {
      const properties = join(directory, "server.properties");
      writeFileSync(properties, propertiesOf(on, controllerPort, join(directory, "data")));
      const format = java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", properties);
      const { status, stderr } = spawnSync("java", format, { encoding: "utf8" });
      if (status !== 0) throw new Error(`Kafka's directory could not be made: ${stderr}`);
      return java("kafka.Kafka", properties);
    },
    START_DEADLINE_MS,
  );
  const kafka = new kafkajs.Kafka({ brokers: [`127.0.0.1:${port}`], logLevel: kafkajs.logLevel.NOTHING });
  try {
    const admin = kafka.admin();
    await admin.connect();
    const configEntries = [{ name: "flush.messages", value: "1" }];
    await admin.createTopics({ waitForLeaders: true, topics: [{ topic: TOPIC, numPartitions: 1, configEntries }] });
    await admin.disconnect();
  } catch (error) {
    await stop();
    throw error;
  }
  return { name: `Kafka ${KAFKA_VERSION}`, connect: () => KafkaClient.open(kafka, kafkajs), stop };
}

function propertiesOf(port: number, controllerPort: number, directory: string): string {
  return [
    "process.roles=broker,controller",
    "node.id=1",
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names=CONTROLLER",
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `log.dirs=${directory}`,
    "offsets.topic.replication.factor=1",
    "offsets.topic.num.partitions=1",
    "group.initial.rebalance.delay.ms=0",
    "",
  ].join("\n");
}

class KafkaClient implements PeerClient {
  readonly #kafka: KafkaConnection;
  readonly #producer: Producer;
  #consumer: Consumer | undefined;

  private constructor(kafka: KafkaConnection, producer: Producer) {
    this.#kafka = kafka;
    this.#producer = producer;
  }

  static async open(kafka: KafkaConnection, { Partitioners }: KafkaJs): Promise<KafkaClient> {
    const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    return new KafkaClient(kafka, producer);
  }

  async append(body: string): Promise<void> {
    await this.#producer.send({ topic: TOPIC, acks: ALL_IN_SYNC, messages: [{ value: body }] });
  }

  async follow(onRecord: (body: string) => void): Promise<void> {
    const admin = this.#kafka.admin();
    await admin.connect();
    const [{ high }] = await admin.fetchTopicOffsets(TOPIC);
    await admin.disconnect();
    const consumer = this.#kafka.consumer({ groupId: `follower-${performance.now()}` });
    this.#consumer = consumer;
    await consumer.connect();
    await consumer.subscribe({ topic: TOPIC, fromBeginning: false });
    const joined = new Promise<void>((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
    await consumer.run({
      async eachMessage({ message }) {
        onRecord(message.value?.toString() ?? "");
      },
    });
    await joined;
    const fetching = new Promise<void>((resolve) => consumer.on(consumer.events.FETCH_START, resolve));
    consumer.seek({ topic: TOPIC, partition: 0, offset: high });
    await fetching;
  }

  async close(): Promise<void> {
    await this.#consumer?.disconnect();
    await this.#producer.disconnect();
  }
}
