// Actors that read: here and there, or along with the tail; and that ask whom a stream is for, where that changes often.
import type { ReadStart } from "../check/history.ts";
import type { Client } from "../clients/client.ts";
import { append, checkTail, type ReadCall, read } from "../clients/operations.ts";
import { readSession } from "../clients/read-session.ts";
import { RepeatingActor, someSubject, wallMs } from "./actor.ts";
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

export class Reader extends RepeatingActor {
  protected async act(): Promise<void> {
    const { client } = this;
    const subject = someSubject(client, this.stage);
    if (client.chance.happens(this.stage.commandRate)) {
      this.doing = `asking for the fencing token of ${subject.name}`;
      subject.saw(await append(client, subject, subject.question(client.name)));
    } else if (client.chance.happens(0.4)) {
      this.doing = `asking for the tail of ${subject.name}`;
      subject.saw(await checkTail(client, subject));
    } else {
      this.doing = `reading ${subject.name}`;
      subject.saw(await read(client, subject, someRead(client, subject)));
    }
  }
}

/** Follows a stream for a while, resumes where it was when the session breaks, then follows another. */
export class Tailer extends RepeatingActor {
  #following: { readonly subject: Subject; readonly untilMs: number; readonly call: ReadCall } | undefined;

  protected async act(): Promise<void> {
    const { client } = this;
    const { chance, world } = client;
    const { scheduler } = world;
    const { subject, untilMs, call } = this.#following ?? this.#somethingNew();
    this.doing = `in a read session on ${subject.name}`;
    const end = await readSession(client, subject, call, {
      form: call.lastEventId === undefined && chance.happens(0.7) ? "s2s" : "sse",
      pauseMs: chance.happens(0.2) ? chance.pick([200, 2_000, 20_000, 90_000]) : 0,
      leaves: () => this.stage.stopping() || scheduler.nowMs > untilMs,
    });
    const resumes = end.why === "broken" && scheduler.nowMs <= untilMs;
    this.#following = resumes ? { subject, untilMs, call: end.resume ?? call } : undefined;
  }

  #somethingNew(): { readonly subject: Subject; readonly untilMs: number; readonly call: ReadCall } {
    const { client } = this;
    const subject = someSubject(client, this.stage);
    const untilMs = client.world.scheduler.nowMs + client.chance.between(1000, 60_000);
    return { subject, untilMs, call: someRead(client, subject) };
  }
}
