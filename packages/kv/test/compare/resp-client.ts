// Sends commands to a Redis port as they are, and gives replies as they came, with nothing made of them: what clients make of
// replies is what a comparison must not see.
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** A reply with its kind: the first byte that RESP gives it. Binary strings throughout. */
export type RawReply =
  | { readonly kind: "+" | "-" | ":" | "$" | "," | "#" | "(" | "=" | "_"; readonly text: string | null }
  | { readonly kind: "*" | "~" | "%" | ">"; readonly items: readonly RawReply[] | null };

class Incomplete extends Error {}

export class RespClient {
  readonly #socket: Socket;
  readonly #waiting: { resolve(reply: RawReply): void; reject(error: Error): void }[] = [];
  #received = "";
  #failure: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection was closed")));
  }

  /** A path of a socket, or a port of this machine. */
  static async connect(to: string | number): Promise<RespClient> {
    const socket = typeof to === "string" ? connect(to) : connect(to, "127.0.0.1");
    await once(socket, "connect");
    socket.setNoDelay(true);
    return new RespClient(socket);
  }

  send(...args: readonly string[]): Promise<RawReply> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const words = args.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("");
    this.#socket.write(`*${args.length}\r\n${words}`, "latin1");
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: string): void {
    this.#received += chunk;
    let at = 0;
    try {
      while (at < this.#received.length) {
        const { reply, next } = parseReply(this.#received, at);
        at = next;
        if (reply.kind !== ">") this.#waiting.shift()?.resolve(reply);
      }
    } catch (error) {
      if (!(error instanceof Incomplete)) throw error;
    }
    this.#received = this.#received.slice(at);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** Throws `Incomplete`. */
function parseReply(text: string, from: number): { readonly reply: RawReply; readonly next: number } {
  const end = text.indexOf("\r\n", from);
  if (end < 0) throw new Incomplete();
  const kind = text[from];
  const line = text.slice(from + 1, end);
  switch (kind) {
    case "$":
    case "=": {
      if (line === "-1") return { reply: { kind, text: null }, next: end + 2 };
      const next = end + 2 + Number(line);
      if (text.length < next + 2) throw new Incomplete();
      return { reply: { kind, text: text.slice(end + 2, next) }, next: next + 2 };
    }
    case "*":
    case "~":
    case "%":
    case ">": {
      if (line === "-1") return { reply: { kind, items: null }, next: end + 2 };
      const items: RawReply[] = [];
      let next = end + 2;
      for (let left = Number(line) * (kind === "%" ? 2 : 1); left > 0; left -= 1) {
        const item = parseReply(text, next);
        items.push(item.reply);
        next = item.next;
      }
      return { reply: { kind, items }, next };
    }
    case "+":
    case "-":
    case ":":
    case ",":
    case "#":
    case "(":
    case "_":
      return { reply: { kind, text: line }, next: end + 2 };
    default:
      throw new Error(`no reply: ${JSON.stringify(text.slice(from, from + 40))}`);
  }
}

/** In one line, for messages and for comparing. */
export function show(reply: RawReply): string {
  if ("text" in reply) return reply.kind + (reply.text === null ? "null" : JSON.stringify(reply.text));
  return `${reply.kind}${reply.items === null ? "null" : `[${reply.items.map(show).join(" ")}]`}`;
}
