// A client of the simulated service: knows its sites, sends requests and gives up on them, and judges answers as the SDKs do.
// Knows the API's errors and what they promise; what to ask is the workload's business.
import type { Answer } from "../check/history.ts";
import type { Recorder } from "../check/recorder.ts";
import type { Chance } from "../world/chance.ts";
import type { Exchange, RequestHead } from "../world/exchange.ts";
import { Lane } from "../world/scheduler.ts";
import type { Site, World } from "../world/world.ts";
import { field, integer, parseJson, position, text } from "./json.ts";

/** A request without an answer is given up after this. */
export const REQUEST_TIMEOUT_MS = 10_000;

/** Errors that promise that nothing happened, and say nothing of the stream (API: errors). All other 4xx do so too, but 408 and 499. */
const NO_SIDE_EFFECT = new Set(["rate_limited", "hot_server", "server_draining", "transaction_conflict"]);

export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** `never-sent`: nobody listened. `unknown`: the connection broke or the answer took too long. */
export type Reply = Response | "never-sent" | "unknown";

export class Client {
  readonly lane: Lane;
  readonly world: World;
  readonly chance: Chance;
  readonly recorder: Recorder;
  #site: Site;

  constructor(name: string, world: World, chance: Chance, recorder: Recorder) {
    this.lane = new Lane(name);
    this.world = world;
    this.chance = chance;
    this.recorder = recorder;
    this.#site = chance.pick(world.sites);
  }

  get name(): string {
    return this.lane.name;
  }

  /** Where it asks. */
  get site(): Site {
    return this.#site;
  }

  pause(ms: number): Promise<void> {
    return this.world.scheduler.pause(ms, this.lane, "wakes");
  }

  /** Opens an exchange at the site that this client holds for the right one. */
  open(request: RequestHead): Promise<Exchange | undefined> {
    return this.world.connect(this.#site, this.lane, request);
  }

  /** Asks there from now on, until it has reason to look elsewhere. */
  goTo(site: Site): void {
    this.#site = site;
  }

  /** The same client by another way: asks at `site`, draws chances of its own. */
  at(site: Site): Client {
    const other = new Client(`${this.name}@${site.name}`, this.world, this.chance.fork(), this.recorder);
    other.goTo(site);
    return other;
  }

  /** Tries another site next time, maybe. */
  lookElsewhere(): void {
    if (this.chance.happens(0.6)) this.#site = this.chance.pick(this.world.sites);
  }

  async send(request: RequestHead, body: Uint8Array | undefined, timeoutMs = REQUEST_TIMEOUT_MS): Promise<Reply> {
    const exchange = await this.open(request);
    if (exchange === undefined) {
      this.lookElsewhere();
      return "never-sent";
    }
    const { connection } = exchange;
    const { scheduler } = this.world;
    const timeout = scheduler.after(timeoutMs, this.lane, "gives up", () => connection.break());
    if (body !== undefined && body.length > 0) connection.toServer.send([body], () => undefined);
    connection.toServer.end();
    const head = await exchange.response();
    const whole = head === "broken" ? undefined : await bodyOf(exchange);
    scheduler.cancel(timeout);
    connection.close();
    if (head === "broken" || whole === undefined) {
      this.lookElsewhere();
      return "unknown";
    }
    if (head.status >= 500) this.lookElsewhere();
    return { ...head, body: whole };
  }
}

/** Undefined when it broke off. */
export async function bodyOf(exchange: Exchange): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  for (;;) {
    const piece = await exchange.connection.toClient.receive();
    if (piece === "broken") return undefined;
    if (piece === "end") return Buffer.concat(pieces);
    pieces.push(piece);
  }
}

/** What an answer other than success says. */
export function failureOf(reply: Reply): Answer {
  if (reply === "never-sent") return { kind: "refused" };
  if (reply === "unknown") return { kind: "unknown" };
  return failureOfStatus(reply.status, reply.body);
}

export function failureOfStatus(status: number, body: Uint8Array): Answer {
  const json = body.length === 0 ? null : parseJson(body);
  const code = text(field(json, "code"));
  if (status === 412) {
    const seqNum = field(json, "seq_num_mismatch");
    return seqNum === undefined
      ? { kind: "fencing-token-mismatch", actual: text(field(json, "fencing_token_mismatch")) }
      : { kind: "seq-num-mismatch", actual: Number(integer(seqNum)) };
  }
  if (status === 416) return { kind: "unwritten", tail: position(field(json, "tail")) };
  switch (code) {
    case "stream_not_found":
      return { kind: "not-found" };
    case "stream_deletion_pending":
      return { kind: "deletion-pending" };
    case "resource_already_exists":
      return { kind: "already-exists" };
    default: {
      const promised = NO_SIDE_EFFECT.has(code) || (status >= 400 && status < 500 && status !== 408 && status !== 499);
      return { kind: promised ? "refused" : "unknown" };
    }
  }
}

/** For a request that must not be refused as such: a bug of the workload, or of the server. */
export function isMalformed(reply: Reply): boolean {
  return typeof reply === "object" && (reply.status === 400 || reply.status === 405 || reply.status === 415);
}
