// Changes as they happen, as server-sent events: one for each revision, in order, none missed. A client that lost its connection
// goes on where it was, by Last-Event-ID. Nothing is queued for anybody: who takes nothing stands still, and is told so when
// what comes next is no longer remembered.
import type { ServerResponse } from "node:http";
import type { Change, History } from "../../store/history.ts";
import type { Store } from "../../store/store.ts";
import { changeJson } from "../changes-json.ts";
import { reaching } from "../consistency.ts";
import { ApiError, badRequest } from "../errors.ts";
import type { Exchange, Stream } from "../exchange.ts";
import { HEARTBEAT_MS, MAX_STALL_MS } from "../limits.ts";
import type { Watches } from "../watches.ts";

export function watchHandler(watches: Watches) {
  return async ({ store, target, request }: Exchange): Promise<Stream> => {
    target.only("prefix", "from");
    const prefix = target.text("prefix") ?? "";
    const resumed = request.headers["last-event-id"];
    const from =
      resumed === undefined ? target.number("from", 0, Number.MAX_SAFE_INTEGER) : revisionOf(String(resumed));
    const start = await startOf(store, from);
    return {
      start(response) {
        watches.add(new Watch(store.history, prefix, start, response), store);
      },
    };
  };
}

function revisionOf(id: string): number {
  const revision = Number(id);
  if (!/^\d{1,16}$/.test(id) || !Number.isSafeInteger(revision)) throw badRequest("last-event-id must be a revision");
  return revision;
}

interface Start {
  readonly place: number;
  readonly revision: number;
}

/** Without `from`, behind everything that was acknowledged before. */
async function startOf(store: Store, from: number | undefined): Promise<Start> {
  const { history } = store;
  const start = await store.query(
    {
      keys: [],
      answer: ({ revision }) => ({ place: history.after(from ?? revision), revision: from ?? revision }),
    },
    // What is asked for must have been applied here, else it would be told as if it came after.
    from === undefined ? "strong" : reaching(from),
  );
  const { place, revision } = start;
  if (place !== undefined) return { place, revision };
  throw new ApiError("revision_gone", `what changed after ${revision} is not remembered here any more`);
}

/** One client's. Ends by itself with the client. */
export class Watch {
  readonly #history: History;
  readonly #prefix: string;
  readonly #response: ServerResponse;
  #place: number;
  /** Everything up to it was told, as far as it matters to this client. */
  #revision: number;
  /** The client has not yet taken what it was given. */
  #isFull = false;
  #heartbeat: NodeJS.Timeout | undefined;
  #stall: NodeJS.Timeout | undefined;
  #leave: (() => void) | undefined;

  constructor(history: History, prefix: string, { place, revision }: Start, response: ServerResponse) {
    this.#history = history;
    this.#prefix = prefix;
    this.#place = place;
    this.#revision = revision;
    this.#response = response;
  }

  /** Calls back once it is over. */
  begin(ended: () => void): void {
    const response = this.#response;
    // Silence is no fault here: there are heartbeats, and who takes nothing is found by `#stall`.
    response.socket?.setTimeout(0);
    response.shouldKeepAlive = false;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
    response.on("drain", () => this.#drained());
    response.on("close", () => {
      this.#over();
      ended();
    });
    this.#leave = this.#history.on(() => this.#pump());
    this.#heartbeat = setInterval(() => this.#beat(), HEARTBEAT_MS);
    this.#write(event("ready", this.#revision, { revision: this.#revision }));
    this.#pump();
  }

  /** Ends it, with the reason as its last event. */
  end(code: string, message: string): void {
    this.#over();
    this.#response.end(`event: error\ndata: ${JSON.stringify({ code, message })}\n\n`);
  }

  #over(): void {
    clearInterval(this.#heartbeat);
    clearTimeout(this.#stall);
    this.#leave?.();
    this.#leave = undefined;
  }

  #pump(): void {
    while (!this.#isFull && this.#leave !== undefined) {
      if (this.#place < this.#history.first) {
        this.end("revision_gone", `what changed after ${this.#revision} is not remembered here any more`);
        return;
      }
      const first = this.#history.at(this.#place);
      if (first === undefined) return;
      this.#tell(first.revision);
    }
  }

  /** All that one revision changed. */
  #tell(revision: number): void {
    const changes: Change[] = [];
    for (;;) {
      const change = this.#history.at(this.#place);
      if (change?.revision !== revision) break;
      this.#place += 1;
      if (change.key === undefined || change.key.startsWith(this.#prefix)) changes.push(change);
    }
    this.#revision = revision;
    if (changes.length > 0) this.#write(event("changes", revision, { revision, changes: changes.map(changeJson) }));
  }

  /** Tells only how far everything was told: a browser remembers it, and shows nothing. */
  #beat(): void {
    if (!this.#isFull) this.#write(`id: ${this.#revision}\n\n`);
  }

  #write(text: string): void {
    if (this.#response.write(text)) return;
    this.#isFull = true;
    this.#stall = setTimeout(() => this.#response.destroy(), MAX_STALL_MS);
  }

  #drained(): void {
    clearTimeout(this.#stall);
    this.#isFull = false;
    this.#pump();
  }
}

function event(name: string, revision: number, data: object): string {
  return `event: ${name}\nid: ${revision}\ndata: ${JSON.stringify(data)}\n\n`;
}
