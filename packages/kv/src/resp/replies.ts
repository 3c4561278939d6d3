// What goes out to one client: replies in the order of their commands, whenever each comes, and messages between them. Decides how
// many commands may be begun and not answered, so that what a client leaves untaken is bounded; knows no commands.
import type { Socket } from "node:net";
import { error, type Reply } from "../command/reply.ts";
import type { Shared } from "./context.ts";
import {
  FIRST_WINDOW_COMMANDS,
  MAX_OUTPUT_BYTES,
  MAX_PENDING_COMMANDS,
  MAX_REPLY_BYTES,
  MAX_UNTAKEN_BYTES,
} from "./limits.ts";
import type { Session } from "./session.ts";
import { encodeReply, ReplyTooLargeError } from "./writer.ts";

/** A reply's place in the order. */
export interface Slot {
  encoded: string | undefined;
}

export class Replies {
  readonly #socket: Socket;
  readonly #session: Session;
  readonly #shared: Shared;
  readonly #flushed: () => void;
  /** Of commands that are begun and not answered; or answered behind such. */
  #slots: Slot[] = [];
  /** How many there may be: the fewer, the larger their replies. */
  #window = FIRST_WINDOW_COMMANDS;
  /** Of late. */
  #replyBytes = 0;
  /** Not handed to the socket yet. */
  #unsentBytes = 0;
  #out = "";
  #flushing = false;
  #closed = false;

  /** `flushed` is called at the end of each turn of the event loop in which something was due, or `flushSoon` called. */
  constructor(socket: Socket, session: Session, shared: Shared, flushed: () => void) {
    this.#socket = socket;
    this.#session = session;
    this.#shared = shared;
    this.#flushed = flushed;
  }

  /** Commands that are begun and whose replies have not gone out. */
  get due(): number {
    return this.#slots.length;
  }

  /** Nothing is due, and nothing waits for the end of this turn. */
  get isEmpty(): boolean {
    return this.#slots.length === 0 && this.#out === "";
  }

  /** For another command. */
  get hasRoom(): boolean {
    if (this.#slots.length >= this.#window) return false;
    return this.#unsentBytes + this.#socket.writableLength < MAX_UNTAKEN_BYTES;
  }

  /** For the command begun now. */
  slot(): Slot {
    const slot: Slot = { encoded: undefined };
    this.#slots.push(slot);
    return slot;
  }

  answer(slot: Slot, reply: Reply): void {
    this.#fill(slot, this.#encoded(reply));
  }

  /** One command's, in a row. */
  answerAll(slot: Slot, replies: readonly Reply[]): void {
    this.#fill(slot, replies.map((one) => encodeReply(one, this.#session.protocol)).join(""));
  }

  /** Behind the replies that are due, between two of them. False: the client takes nothing, and holds too much by it. */
  push(message: Reply): boolean {
    if (this.#closed) return true;
    const encoded = encodeReply(message, this.#session.protocol);
    this.#out += encoded;
    this.#unsentBytes += encoded.length;
    if (this.#unsentBytes + this.#socket.writableLength > MAX_OUTPUT_BYTES) return false;
    this.flushSoon();
    return true;
  }

  /** What is answered in one turn goes out together. */
  flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      if (this.#closed) return;
      this.#flush();
      this.#flushed();
    });
  }

  /** Nothing goes out any more. */
  close(): void {
    this.#closed = true;
    this.#out = "";
  }

  #encoded(reply: Reply): string {
    try {
      return encodeReply(reply, this.#session.protocol);
    } catch (cause) {
      if (!(cause instanceof ReplyTooLargeError)) throw cause;
      return encodeReply(error(`ERR reply is too large: up to ${MAX_REPLY_BYTES} bytes are allowed`), 2);
    }
  }

  #fill(slot: Slot, encoded: string): void {
    slot.encoded = encoded;
    this.#unsentBytes += encoded.length;
    this.#replyBytes = Math.max(encoded.length, this.#replyBytes * 0.9);
    this.#window = Math.max(1, Math.min(MAX_PENDING_COMMANDS, Math.floor(MAX_UNTAKEN_BYTES / this.#replyBytes)));
    let ready = 0;
    while (ready < this.#slots.length && this.#slots[ready].encoded !== undefined) {
      this.#out += this.#slots[ready].encoded;
      ready += 1;
    }
    if (ready === 0) return;
    this.#slots.splice(0, ready);
    this.flushSoon();
  }

  #flush(): void {
    const out = this.#out;
    if (out === "") return;
    this.#out = "";
    this.#unsentBytes -= out.length;
    this.#shared.stats.bytesOut += out.length;
    this.#socket.write(out, "latin1");
  }
}
