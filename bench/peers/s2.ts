// Tailrace, and S2 Lite, on the file store, through the official SDK.
import { AppendInput, AppendRecord, S2, S2Endpoints, type S2Stream } from "@s2-dev/streamstore";
import type { ServerName } from "../servers/server.ts";
import { startServer } from "../servers/start.ts";
import type { Peer, PeerClient } from "./peer.ts";
import { outputOf } from "./process.ts";

const BASIN = "bench-basin";
const STREAM = "events";
const SHOWN: Readonly<Record<ServerName, string>> = { tailrace: "Tailrace", "s2-lite": "S2 Lite" };

export async function startS2(server: ServerName): Promise<Peer | string> {
  if (server === "s2-lite" && outputOf("s2", ["--version"]) === undefined) return "s2 is not on the PATH";
  const started = await startServer(server, "file", undefined);
  if (started === undefined) throw new Error("there is always a disk");
  const client = () =>
    new S2({ accessToken: "any", endpoints: new S2Endpoints({ account: started.url, basin: started.url }) });
  await client().basins.create({ basin: BASIN });
  await client().basin(BASIN).streams.create({ stream: STREAM });
  return {
    name: SHOWN[server],
    connect: async () => S2Client.open(client().basin(BASIN).stream(STREAM)),
    stop: () => started.stop(),
  };
}

type Session = Awaited<ReturnType<S2Stream["appendSession"]>>;

class S2Client implements PeerClient {
  readonly #stream: S2Stream;
  readonly #session: Session;
  readonly #closing = new AbortController();

  private constructor(stream: S2Stream, session: Session) {
    this.#stream = stream;
    this.#session = session;
  }

  static async open(stream: S2Stream): Promise<S2Client> {
    return new S2Client(stream, await stream.appendSession());
  }

  async append(body: string): Promise<void> {
    const ticket = await this.#session.submit(AppendInput.create([AppendRecord.string({ body })]));
    await ticket.ack();
  }

  async follow(onRecord: (body: string) => void): Promise<void> {
    const { tail } = await this.#stream.checkTail();
    const { signal } = this.#closing;
    const reading = await this.#stream.readSession({ start: { from: { seqNum: tail.seqNum } } }, { signal });
    void (async () => {
      for await (const record of reading) onRecord(record.body);
    })().catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#session.close();
    await this.#stream.close();
  }
}
