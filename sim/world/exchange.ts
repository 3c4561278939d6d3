// One request on a connection of its own: heads and bodies, from both sides. Knows no API.
import type { Connection } from "./network.ts";

export interface RequestHead {
  readonly method: string;
  /** Percent-encoded, with the query. */
  readonly url: string;
  /** By lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export class Exchange {
  readonly request: RequestHead;
  readonly connection: Connection;
  #response: ResponseHead | undefined;

  constructor(request: RequestHead, connection: Connection) {
    this.request = request;
    this.connection = connection;
  }

  /** The server's side: sends the head, once, before anything of the body. */
  respond(head: ResponseHead): void {
    this.#response = head;
    // It travels as an empty piece, so that it comes in order with the body.
    this.connection.toClient.send([new Uint8Array(0)], () => undefined);
  }

  /** The client's side: the head, once it has come. */
  async response(): Promise<ResponseHead | "broken"> {
    const marker = await this.connection.toClient.receive();
    return marker === "broken" || this.#response === undefined ? "broken" : this.#response;
  }
}
