// Connections between clients and processes: bytes arrive in order, late, in other pieces than they were sent in, or not at all.
// A connection that breaks loses what is on its way, and each side learns of it in its own time. Knows no request.
import type { Chance } from "./chance.ts";
import type { Lane, Scheduler } from "./scheduler.ts";

/** One way through the network, mostly. */
const LATENCY_MS = 1;
/** Until a side notices that the connection is gone. */
const BREAK_NOTICED_MS = 50;
/** Bytes that may be on the way or unread before a sender is made to wait. */
const WINDOW_BYTES = 32 * 1024;

/** What the sender of something may hold on to until it is taken. */
interface Travelling {
  readonly bytes: () => Uint8Array;
  readonly length: number;
}

/** One direction of a connection. */
export class Pipe {
  readonly #scheduler: Scheduler;
  readonly #chance: Chance;
  readonly #sender: Lane;
  readonly #receiver: Lane;
  readonly #travelling: (Travelling | "end")[] = [];
  readonly #arrived: Uint8Array[] = [];
  #unreadBytes = 0;
  #ended = false;
  #severed = false;
  #broken = false;
  #waiting: (() => void) | undefined;
  #roomWanted: (() => void) | undefined;

  constructor(scheduler: Scheduler, chance: Chance, sender: Lane, receiver: Lane) {
    this.#scheduler = scheduler;
    this.#chance = chance;
    this.#sender = sender;
    this.#receiver = receiver;
  }

  /** `taken` is called in the sender's lane when there is room for more. The bytes are looked at when they arrive. */
  send(pieces: readonly Uint8Array[], taken: () => void): void {
    let length = 0;
    for (const piece of pieces) length += piece.length;
    this.#unreadBytes += length;
    this.#travel({ length, bytes: () => Buffer.concat(pieces) });
    if (this.#unreadBytes < WINDOW_BYTES) this.#scheduler.after(0, this.#sender, "sent", taken);
    else this.#roomWanted = taken;
  }

  end(): void {
    this.#travel("end");
  }

  #travel(what: Travelling | "end"): void {
    if (this.#severed || this.#broken) return;
    this.#travelling.push(what);
    // Whichever of these events comes first delivers what was sent first.
    this.#scheduler.after(this.#chance.delayMs(LATENCY_MS), this.#receiver, "receive", () => {
      const next = this.#travelling.shift();
      if (next === undefined || this.#broken) return;
      if (next === "end") this.#ended = true;
      else this.#arrive(next.bytes());
      this.#wake();
    });
  }

  /** Pieces on the network are not those that were sent. */
  #arrive(bytes: Uint8Array): void {
    if (bytes.length > 1 && this.#chance.happens(0.2)) {
      const cut = this.#chance.between(1, bytes.length - 1);
      this.#arrived.push(bytes.subarray(0, cut), bytes.subarray(cut));
    } else this.#arrived.push(bytes);
  }

  /** The next piece, `end`, or `broken`. One call at a time. */
  async receive(): Promise<Uint8Array | "end" | "broken"> {
    for (;;) {
      const piece = this.#arrived.shift();
      if (piece !== undefined) {
        this.#unreadBytes -= piece.length;
        this.#giveRoom();
        return piece;
      }
      if (this.#broken) return "broken";
      if (this.#ended) return "end";
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
      });
    }
  }

  #giveRoom(): void {
    if (this.#roomWanted === undefined || this.#unreadBytes >= WINDOW_BYTES) return;
    this.#scheduler.after(this.#chance.delayMs(LATENCY_MS), this.#sender, "room", this.#roomWanted);
    this.#roomWanted = undefined;
  }

  /** Nothing more gets through; what is on its way may still, until the receiver notices. */
  sever(): void {
    this.#severed = true;
  }

  /** What is on its way is lost; what has arrived can still be read. */
  cut(): void {
    this.#travelling.length = 0;
    this.#broken = true;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

export class Connection {
  readonly toServer: Pipe;
  readonly toClient: Pipe;
  readonly #scheduler: Scheduler;
  readonly #chance: Chance;
  readonly #client: Lane;
  readonly #server: Lane;
  #over = false;
  #serverSideClosed = false;
  #onServerSideClosed: (() => void) | undefined;

  constructor(scheduler: Scheduler, chance: Chance, client: Lane, server: Lane) {
    this.#scheduler = scheduler;
    this.#chance = chance;
    this.#client = client;
    this.#server = server;
    this.toServer = new Pipe(scheduler, chance, client, server);
    this.toClient = new Pipe(scheduler, chance, server, client);
  }

  /** Gone, for whatever reason: both sides come to know. */
  break(): void {
    if (this.#over) return;
    this.#over = true;
    this.toServer.sever();
    this.toClient.sever();
    this.#scheduler.after(this.#chance.delayMs(BREAK_NOTICED_MS), this.#client, "connection broken", () =>
      this.toClient.cut(),
    );
    this.#scheduler.after(this.#chance.delayMs(BREAK_NOTICED_MS), this.#server, "connection broken", () => {
      this.toServer.cut();
      this.#serverSideClosed = true;
      this.#onServerSideClosed?.();
    });
  }

  /** Calls back in the server's lane when the client has gone; replaces the callback before. */
  onServerSideClosed(callback: () => void): void {
    this.#onServerSideClosed = callback;
    if (this.#serverSideClosed) this.#scheduler.after(0, this.#server, "connection was broken", callback);
  }

  /** The client is done with it, and so is the server: nobody has anything to learn. */
  close(): void {
    this.#over = true;
  }
}
