// Actors that read: here and there, or along with the tail.
import type { ReadStart } from "../check/history.ts";
import type { Client } from "../clients/client.ts";
import { checkTail, type ReadCall, read } from "../clients/operations.ts";
import { readSession } from "../clients/read-session.ts";
import { type Actor, goesOn, paceOf, type Stage, someSubject, wallMs } from "./actor.ts";
import type { Subject } from "./subject.ts";

function someStart(client: Client, subject: Subject): ReadStart {
  const { chance } = client;
  const kind = chance.between(1, 10);
  if (kind <= 5) {
    const seqNum = chance.happens(0.1) ? subject.tail + chance.between(0, 5) : chance.between(0, subject.tail);
    return { kind: "seq_num", seqNum };
  }
  if (kind <= 7) return { kind: "tail_offset", offset: chance.between(0, 20) };
  return { kind: "timestamp", timestamp: wallMs(client) - BigInt(chance.between(-1000, 40_000)) };
}

function someRead(client: Client, subject: Subject): ReadCall {
  const { chance } = client;
  return {
    start: someStart(client, subject),
    ...(chance.happens(0.3) ? { count: chance.between(1, 50) } : {}),
    ...(chance.happens(0.3) ? { clamp: true } : {}),
    ...(chance.happens(0.3) ? { waitSecs: chance.between(0, 4) } : {}),
  };
}

export class Reader implements Actor {
  readonly client: Client;
  readonly #stage: Stage;
  doing = "nothing yet";

  constructor(client: Client, stage: Stage) {
    this.client = client;
    this.#stage = stage;
  }

  async run(): Promise<void> {
    const { client } = this;
    const paceMs = paceOf(client, this.#stage);
    while (await goesOn(client, this.#stage, paceMs)) {
      const subject = someSubject(client, this.#stage);
      if (client.chance.happens(0.4)) {
        this.doing = `asking for the tail of ${subject.name}`;
        subject.saw(await checkTail(client, subject));
      } else {
        this.doing = `reading ${subject.name}`;
        subject.saw(await read(client, subject, someRead(client, subject)));
      }
    }
    this.doing = "nothing more";
  }
}

/** Follows a stream for a while, resumes where it was when the session breaks, then follows another. */
export class Tailer implements Actor {
  readonly client: Client;
  readonly #stage: Stage;
  doing = "nothing yet";

  constructor(client: Client, stage: Stage) {
    this.client = client;
    this.#stage = stage;
  }

  async run(): Promise<void> {
    const { client } = this;
    const { chance, world } = client;
    const paceMs = paceOf(client, this.#stage);
    let subject = someSubject(client, this.#stage);
    let resumed: ReadCall | undefined;
    let untilMs = 0;
    while (await goesOn(client, this.#stage, paceMs)) {
      const { scheduler } = world;
      if (resumed === undefined) {
        subject = someSubject(client, this.#stage);
        untilMs = scheduler.nowMs + chance.between(1000, 60_000);
      }
      const call = resumed ?? someRead(client, subject);
      this.doing = `in a read session on ${subject.name}`;
      const end = await readSession(client, subject, call, {
        form: call.lastEventId === undefined && chance.happens(0.7) ? "s2s" : "sse",
        pauseMs: chance.happens(0.2) ? chance.pick([200, 2_000, 20_000, 90_000]) : 0,
        leaves: () => this.#stage.stopping() || scheduler.nowMs > untilMs,
      });
      resumed = end.why === "broken" && scheduler.nowMs <= untilMs ? (end.resume ?? resumed) : undefined;
    }
    this.doing = "nothing more";
  }
}
