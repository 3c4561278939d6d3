// The client's half of an S2S append session: many batches under way, acknowledgements in order, each batch recorded as an
// operation of its own. When the connection breaks, what was not acknowledged has an unknown outcome.
import { zstdCompressSync } from "node:zlib";
import { FrameDecoder, frameHeader } from "@tailrace/server/api";
import type { Answer } from "../check/history.ts";
import type { Pending } from "../check/recorder.ts";
import type { Exchange } from "../world/exchange.ts";
import { bodyOf, type Client, failureOf, failureOfStatus, REQUEST_TIMEOUT_MS } from "./client.ts";
import { type AppendCall, keyOf, recordedAppend, recordsUrl, type StreamRef, streamHeaders } from "./operations.ts";
import { decodeAck, encodeAppendInput } from "./protobuf.ts";

/** Batches that a session may have under way. */
const MAX_OUTSTANDING = 8;

/** Appends what `next` gives until it gives nothing more. Resolves with what ended the session, or undefined after a clean end. */
export async function appendSession(
  client: Client,
  stream: StreamRef,
  next: () => AppendCall | undefined,
): Promise<Answer | undefined> {
  const { chance, recorder, world } = client;
  // Whatever becomes of it: its opening may create the stream.
  if (stream.createdOnAppend)
    recorder
      .invoke(client.name, keyOf(stream), { kind: "check-tail", createsStream: true })
      .answer({ kind: "unknown" });
  const exchange = await client.open({
    method: "POST",
    url: recordsUrl(stream),
    headers: { ...streamHeaders(stream), "content-type": "s2s/proto" },
  });
  if (exchange === undefined) {
    client.lookElsewhere();
    return { kind: "refused" };
  }
  const session = new Outstanding(client, exchange);
  const head = await session.guarded(exchange.response());
  if (head === "broken") {
    client.lookElsewhere();
    return { kind: "unknown" };
  }
  if (head.status !== 200) {
    const body = (await session.guarded(bodyOf(exchange))) ?? Buffer.alloc(0);
    exchange.connection.close();
    return failureOf({ ...head, body });
  }
  const name = recorder.newSession();
  const received = session.receive();
  const compresses = chance.happens(0.2);
  while (!session.over) {
    const call = next();
    if (call === undefined) break;
    const pending = recorder.invoke(client.name, keyOf(stream), recordedAppend(call, stream), name);
    session.send(pending, encodeAppendInput(call.records, call.matchSeqNum, call.fencingToken), compresses);
    if (session.outstanding >= MAX_OUTSTANDING) await session.change();
    else if (chance.happens(0.5)) await client.pause(chance.delayMs(20));
  }
  if (!session.over) exchange.connection.toServer.end();
  const failure = await received;
  exchange.connection.close();
  if (failure !== undefined) client.lookElsewhere();
  world.scheduler.note(client.lane, `append session ends: ${failure?.kind ?? "well"}`);
  return failure;
}

class Outstanding {
  readonly #client: Client;
  readonly #exchange: Exchange;
  readonly #pending: Pending[] = [];
  #over = false;
  #changed: (() => void) | undefined;

  constructor(client: Client, exchange: Exchange) {
    this.#client = client;
    this.#exchange = exchange;
  }

  get over(): boolean {
    return this.#over;
  }

  get outstanding(): number {
    return this.#pending.length;
  }

  send(pending: Pending, message: Uint8Array, compresses: boolean): void {
    const body = compresses ? zstdCompressSync(message) : message;
    this.#pending.push(pending);
    const header = frameHeader(body.length, compresses ? "zstd" : "none");
    this.#exchange.connection.toServer.send([header, body], () => undefined);
  }

  /** Resolves when something was acknowledged, or the session is over. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#changed = resolve;
    });
  }

  /** Breaks the connection when what is waited for takes too long. */
  async guarded<T>(waited: Promise<T>): Promise<T> {
    const { scheduler } = this.#client.world;
    const timeout = scheduler.after(REQUEST_TIMEOUT_MS, this.#client.lane, "gives up", () =>
      this.#exchange.connection.break(),
    );
    const value = await waited;
    scheduler.cancel(timeout);
    return value;
  }

  /** Takes acknowledgements until the session ends. */
  async receive(): Promise<Answer | undefined> {
    const decoder = new FrameDecoder();
    const { toClient } = this.#exchange.connection;
    let failure: Answer | undefined;
    receiving: for (;;) {
      // Between batches there is nothing to wait for.
      const piece = await this.guarded(toClient.receive());
      if (piece === "end") break;
      if (piece === "broken") {
        failure = { kind: "unknown" };
        break;
      }
      for (const frame of decoder.push(piece)) {
        if (frame.terminal) {
          failure = this.#terminal(frame.body);
          break receiving;
        }
        const pending = this.#pending.shift();
        if (pending === undefined) {
          this.#client.world.violation("an append session acknowledged more than it was given");
          break receiving;
        }
        pending.answer({ kind: "appended", ...decodeAck(frame.body) });
        this.#wake();
      }
    }
    if (failure === undefined && this.#pending.length > 0)
      this.#client.world.violation(`an append session ended cleanly without ${this.#pending.length} acknowledgements`);
    for (const pending of this.#pending.splice(0)) pending.answer({ kind: "unknown" });
    this.#over = true;
    this.#wake();
    return failure;
  }

  /** The first batch without an acknowledgement is the one that failed; nothing after it becomes durable (API: S2S). */
  #terminal(body: Uint8Array): Answer {
    const failure = failureOfStatus((body[0] << 8) | body[1], body.subarray(2));
    this.#pending.shift()?.answer(failure);
    if (failure.kind !== "unknown") for (const pending of this.#pending.splice(0)) pending.answer({ kind: "refused" });
    return failure;
  }

  #wake(): void {
    const changed = this.#changed;
    this.#changed = undefined;
    changed?.();
  }
}
