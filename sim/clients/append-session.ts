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

export interface AppendSessionEnd {
  /** What ended it; undefined after a clean end. */
  readonly failure: Answer | undefined;
  /** What was sent, and neither acknowledged nor refused for good, in order. */
  readonly left: readonly AppendCall[];
}

/** Appends what `next` gives until it gives nothing more, or the session ends. */
export async function appendSession(
  client: Client,
  stream: StreamRef,
  next: () => AppendCall | undefined,
): Promise<AppendSessionEnd> {
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
    return { failure: { kind: "refused" }, left: [] };
  }
  const session = new Outstanding(client, exchange);
  const head = await session.guarded(exchange.response());
  if (head === "broken") {
    client.lookElsewhere();
    return { failure: { kind: "unknown" }, left: [] };
  }
  if (head.status !== 200) {
    const body = (await session.guarded(bodyOf(exchange))) ?? Buffer.alloc(0);
    exchange.connection.close();
    return { failure: failureOf({ ...head, body }), left: [] };
  }
  const name = recorder.newSession();
  const received = session.receive();
  const compresses = chance.happens(0.2);
  while (!session.over) {
    const call = next();
    if (call === undefined) break;
    const pending = recorder.invoke(client.name, keyOf(stream), recordedAppend(call, stream), name);
    session.send(pending, call, compresses);
    if (session.outstanding >= MAX_OUTSTANDING) await session.change();
    else if (chance.happens(0.5)) await client.pause(chance.delayMs(20));
  }
  if (!session.over) exchange.connection.toServer.end();
  const failure = await received;
  exchange.connection.close();
  if (failure !== undefined) client.lookElsewhere();
  world.scheduler.note(client.lane, `append session ends: ${failure?.kind ?? "well"}`);
  return { failure, left: session.left };
}

class Outstanding {
  readonly #client: Client;
  readonly #exchange: Exchange;
  readonly #pending: { readonly pending: Pending; readonly call: AppendCall }[] = [];
  readonly left: AppendCall[] = [];
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

  send(pending: Pending, call: AppendCall, compresses: boolean): void {
    const message = encodeAppendInput(call.records, call.matchSeqNum, call.fencingToken);
    const body = compresses ? zstdCompressSync(message) : message;
    this.#pending.push({ pending, call });
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
        const first = this.#pending.shift();
        if (first === undefined) {
          this.#client.world.violation("an append session acknowledged more than it was given");
          break receiving;
        }
        first.pending.answer({ kind: "appended", ...decodeAck(frame.body) });
        this.#wake();
      }
    }
    if (failure === undefined && this.#pending.length > 0)
      this.#client.world.violation(`an append session ended cleanly without ${this.#pending.length} acknowledgements`);
    this.#settle({ kind: "unknown" });
    this.#over = true;
    this.#wake();
    return failure;
  }

  /** The first batch without an acknowledgement is the one that failed; nothing after it becomes durable (API: S2S). */
  #terminal(body: Uint8Array): Answer {
    const failure = failureOfStatus((body[0] << 8) | body[1], body.subarray(2));
    const first = this.#pending.shift();
    first?.pending.answer(failure);
    if (first !== undefined && isRetried(failure)) this.left.push(first.call);
    if (failure.kind !== "unknown") this.#settle({ kind: "refused" });
    return failure;
  }

  #settle(answer: Answer): void {
    for (const { pending, call } of this.#pending.splice(0)) {
      pending.answer(answer);
      this.left.push(call);
    }
  }

  #wake(): void {
    const changed = this.#changed;
    this.#changed = undefined;
    changed?.();
  }
}

/** Whether a client tries again after a failure: not when it was told that the stream is not as it should be. */
export function isRetried({ kind }: Answer): boolean {
  return kind === "unknown" || kind === "refused";
}
