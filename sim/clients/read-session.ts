// The client's half of read sessions, over S2S and as event streams: batches, heartbeats, errors, each recorded as it came.
// Slow readers pause between pieces; a session that breaks is resumed by its caller behind the last record it was given.
import { zstdDecompressSync } from "node:zlib";
import { FrameDecoder } from "@tailrace/server/api";
import type { ReadStart } from "../check/history.ts";
import type { ReadSessionRecorder } from "../check/recorder.ts";
import type { Exchange } from "../world/exchange.ts";
import { bodyOf, type Client, failureOf, failureOfStatus, REQUEST_TIMEOUT_MS } from "./client.ts";
import * as json from "./json.ts";
import { keyOf, type ReadCall, readUrl, type StreamRef, streamHeaders } from "./operations.ts";
import { type Batch, decodeBatch } from "./protobuf.ts";
import { identify } from "./records.ts";

/** A session that is silent for longer is given up: the server sends heartbeats (API: S2S). */
const SILENCE_MS = 20_000;

/** A slow reader looks this often whether it is to leave. */
const PAUSE_STEP_MS = 5_000;

export interface ReadSessionOptions {
  readonly form: "s2s" | "sse";
  /** Pause before each piece, mostly; 0 for a reader that keeps up. */
  readonly pauseMs: number;
  /** Asked before each piece: whether to leave. */
  readonly leaves: () => boolean;
  /** Told of every batch: the number of the record behind it. */
  readonly onRecords?: (nextSeqNum: number) => void;
}

export interface ReadSessionEnd {
  /** `bound`: the server ended it; `left`: we did; `broken`: neither. `gone`: the stream is not there any more. */
  readonly why: "bound" | "left" | "broken" | "refused" | "gone";
  /** What goes on behind the last record that came; undefined where none came. */
  readonly resume: ReadCall | undefined;
}

/** Reads until the session ends. */
export async function readSession(
  client: Client,
  stream: StreamRef,
  call: ReadCall,
  options: ReadSessionOptions,
): Promise<ReadSessionEnd> {
  const { lastEventId, clamp } = call;
  // An id that is given back says where to go on, whatever the query says.
  const start: ReadStart =
    lastEventId === undefined ? call.start : { kind: "seq_num", seqNum: Number.parseInt(lastEventId, 10) + 1 };
  const session = client.recorder.readSession(client.name, keyOf(stream), start, stream.createdOnRead, clamp);
  const end = await readRecorded(client, stream, call, options, session);
  session.close();
  return end;
}

async function readRecorded(
  client: Client,
  stream: StreamRef,
  call: ReadCall,
  options: ReadSessionOptions,
  session: ReadSessionRecorder,
): Promise<ReadSessionEnd> {
  const zstd = options.form === "s2s" && client.chance.happens(0.3);
  const { lastEventId } = call;
  const exchange = await client.open({
    method: "GET",
    url: readUrl(stream, call),
    headers: {
      ...streamHeaders(stream),
      ...(options.form === "s2s" ? { "content-type": "s2s/proto" } : { accept: "text/event-stream" }),
      ...(zstd ? { "accept-encoding": "zstd" } : {}),
      ...(lastEventId === undefined ? {} : { "last-event-id": lastEventId }),
    },
  });
  if (exchange === undefined) {
    client.lookElsewhere();
    return { why: "refused", resume: undefined };
  }
  exchange.connection.toServer.end();
  const reading = new Reading(client, exchange, session, options.onRecords);
  const head = await reading.guarded(exchange.response(), REQUEST_TIMEOUT_MS);
  if (head === "broken") {
    client.lookElsewhere();
    return { why: "broken", resume: undefined };
  }
  if (head.status !== 200) {
    const body = (await reading.guarded(bodyOf(exchange), REQUEST_TIMEOUT_MS)) ?? Buffer.alloc(0);
    const answer = failureOf({ ...head, body });
    if (answer.kind !== "refused" && answer.kind !== "unknown") session.end(answer);
    if (head.status >= 500) client.lookElsewhere();
    return { why: answer.kind === "not-found" ? "gone" : "refused", resume: undefined };
  }
  const end = await (options.form === "s2s" ? reading.frames(options) : reading.events(options));
  if (end === "left") exchange.connection.break();
  if (end === "broken") client.lookElsewhere();
  const { nextSeqNum, eventId } = reading;
  if (nextSeqNum === undefined) return { why: end, resume: undefined };
  const goOn =
    eventId === undefined
      ? ({ start: { kind: "seq_num", seqNum: nextSeqNum } } as const)
      : { ...call, lastEventId: eventId };
  return { why: end, resume: goOn };
}

class Reading {
  readonly #client: Client;
  readonly #exchange: Exchange;
  readonly #session: ReadSessionRecorder;
  readonly #onRecords: (nextSeqNum: number) => void;
  nextSeqNum: number | undefined;
  /** The last event's id, in an event stream. */
  eventId: string | undefined;

  constructor(
    client: Client,
    exchange: Exchange,
    session: ReadSessionRecorder,
    onRecords: (nextSeqNum: number) => void = () => undefined,
  ) {
    this.#client = client;
    this.#exchange = exchange;
    this.#session = session;
    this.#onRecords = onRecords;
  }

  /** Breaks the connection when what is waited for takes too long. */
  async guarded<T>(waited: Promise<T>, timeoutMs: number): Promise<T> {
    const { scheduler } = this.#client.world;
    const timeout = scheduler.after(timeoutMs, this.#client.lane, "gives up", () => this.#exchange.connection.break());
    const value = await waited;
    scheduler.cancel(timeout);
    return value;
  }

  async #piece(options: ReadSessionOptions): Promise<Uint8Array | "end" | "broken" | "left"> {
    const { chance } = this.#client;
    for (let left = options.pauseMs * (0.5 + chance.fraction()); left > 0 && !options.leaves(); left -= PAUSE_STEP_MS)
      await this.#client.pause(Math.min(left, PAUSE_STEP_MS));
    if (options.leaves()) return "left";
    return this.guarded(this.#exchange.connection.toClient.receive(), SILENCE_MS);
  }

  async frames(options: ReadSessionOptions): Promise<ReadSessionEnd["why"]> {
    const decoder = new FrameDecoder();
    for (;;) {
      const piece = await this.#piece(options);
      if (piece === "end") return "bound";
      if (piece === "broken" || piece === "left") return piece;
      for (const frame of decoder.push(piece)) {
        if (frame.terminal) return this.#error((frame.body[0] << 8) | frame.body[1], frame.body.subarray(2));
        // The advice to reconnect comes in a frame that says nothing else.
        if (frame.body.length === 0) continue;
        this.#batch(decodeBatch(frame.compression === "zstd" ? zstdDecompressSync(frame.body) : frame.body));
      }
    }
  }

  async events(options: ReadSessionOptions): Promise<ReadSessionEnd["why"]> {
    let unparsed = "";
    for (;;) {
      const piece = await this.#piece(options);
      // Whoever ends an event stream without saying so has broken it off.
      if (piece === "end") return "broken";
      if (piece === "broken" || piece === "left") return piece;
      unparsed += Buffer.from(piece).toString("latin1");
      for (let at = unparsed.indexOf("\n\n"); at >= 0; at = unparsed.indexOf("\n\n")) {
        const lines = unparsed.slice(0, at).split("\n");
        unparsed = unparsed.slice(at + 2);
        const line = (name: string) => lines.find((each) => each.startsWith(`${name}: `))?.slice(name.length + 2);
        const data = line("data") ?? "";
        if (data === "[DONE]") return "bound";
        const parsed = json.parseJson(Buffer.from(data, "latin1"));
        if (line("event") === "batch") {
          this.#batch(json.batch(parsed, false));
          this.eventId = line("id");
        } else if (line("event") === "ping") this.#session.heartbeat(json.position(json.field(parsed, "tail")));
        else return this.#error(statusOf(json.text(json.field(parsed, "code"))), Buffer.from(data, "latin1"));
      }
    }
  }

  #batch({ records, tail }: Batch): void {
    if (records.length === 0) {
      if (tail !== undefined) this.#session.heartbeat(tail);
      return;
    }
    this.#session.batch(
      records.map((record) => ({ seqNum: record.seqNum, timestamp: record.timestamp, id: identify(record) })),
      tail,
    );
    this.nextSeqNum = records[records.length - 1].seqNum + 1;
    this.#onRecords(this.nextSeqNum);
  }

  #error(status: number, body: Uint8Array): ReadSessionEnd["why"] {
    const answer = failureOfStatus(status, body);
    if (answer.kind === "deletion-pending" || answer.kind === "not-found") {
      this.#session.end(answer);
      return "gone";
    }
    return "broken";
  }
}

/** An error event carries no status; only what it says of the stream matters here. */
function statusOf(code: string): number {
  return code === "stream_deletion_pending" ? 409 : 503;
}
