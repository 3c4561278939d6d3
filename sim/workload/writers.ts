// Actors that append: one batch at a time, or sessions of many. With conditions and without, with commands, in batches of all sizes.
import { appendSession, isRetried } from "../clients/append-session.ts";
import type { Client } from "../clients/client.ts";
import { type AppendCall, append } from "../clients/operations.ts";
import type { ClientRecord } from "../clients/records.ts";
import { RepeatingActor, type Stage, someSubject, wallMs } from "./actor.ts";
import type { Subject } from "./subject.ts";

const MAX_BATCH_RECORDS = 20;
/** Sessions in a row that a client tries without an acknowledgement, and the pause before the second (the SDK's defaults). */
const MAX_ATTEMPTS = 3;
const RETRY_MS = 100;

/** A batch of some kind. */
function batchFor(client: Client, subject: Subject, { commandRate }: Stage): AppendCall {
  const { chance } = client;
  const count = chance.happens(0.7) ? 1 : chance.between(2, MAX_BATCH_RECORDS);
  const typicalBytes = chance.happens(0.05) ? 4000 : 40;
  const records: ClientRecord[] = [];
  for (let i = 0; i < count; i += 1) records.push(subject.record(client.name, chance, typicalBytes, wallMs(client)));
  if (chance.happens(commandRate)) records.splice(chance.between(0, records.length), 0, subject.fence(client.name));
  const trim = chance.happens(commandRate) ? subject.trim(chance) : undefined;
  if (trim !== undefined) records.splice(chance.between(0, records.length), 0, trim);
  const call: { -readonly [K in keyof AppendCall]: AppendCall[K] } = { records };
  if (chance.happens(0.25))
    call.matchSeqNum = Math.max(0, subject.tail + (chance.happens(0.8) ? 0 : chance.between(-2, 2)));
  if (chance.happens(0.15)) call.fencingToken = chance.happens(0.8) ? subject.fencingToken : "somebody-else";
  return call;
}

export class Writer extends RepeatingActor {
  protected async act(): Promise<void> {
    const { client } = this;
    const subject = someSubject(client, this.stage);
    const call = batchFor(client, subject, this.stage);
    this.doing = `appending ${call.records[0].id} to ${subject.name}`;
    const answer = await append(client, subject, call);
    subject.saw(answer);
    const fence = call.records.findLast((record) => record.command?.kind === "fence")?.command;
    if (answer.kind === "appended" && fence?.kind === "fence") subject.fencingToken = fence.token;
  }
}

/** Appends in sessions. One that breaks is resumed: what it left is sent again, as clients do that would rather have it twice than not. */
export class SessionWriter extends RepeatingActor {
  protected async act(): Promise<void> {
    const { client } = this;
    const { chance } = client;
    const subject = someSubject(client, this.stage);
    let more = chance.between(1, 30);
    let again: AppendCall[] = [];
    this.doing = `in an append session on ${subject.name}`;
    const next = (): AppendCall | undefined => {
      const resent = again.shift();
      if (resent !== undefined) return resent;
      more -= 1;
      if (more < 0 || this.stage.stopping() || !this.stage.budget.takeOperation()) return undefined;
      // In a pipeline the tail is not known: a condition on it would mostly end the session.
      const call = batchFor(client, subject, this.stage);
      return chance.happens(0.9) ? { records: call.records } : call;
    };
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const { failure, left } = await appendSession(client, subject, next);
      if (failure === undefined) return;
      subject.saw(failure);
      if (!isRetried(failure) || this.stage.stopping()) return;
      again = [...left, ...again].map((call) => subject.again(client.name, call));
      await client.pause(chance.between(RETRY_MS, 2 * RETRY_MS) * 2 ** (attempt - 1));
    }
  }
}
