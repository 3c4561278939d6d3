// Actors that believe nobody: what the newest process has just acknowledged they ask of every other that still listens, at once. One that has
// been overtaken and does not know it must not answer by what it knew.
import type { Answer } from "../check/history.ts";
import type { Client } from "../clients/client.ts";
import {
  append,
  checkTail,
  deleteStream,
  ensureStream,
  getStream,
  read,
  reconfigureStream,
} from "../clients/operations.ts";
import type { Site } from "../world/world.ts";
import { RepeatingActor, type Stage, someSubject, wallMs } from "./actor.ts";
import { Subject } from "./subject.ts";

/** Questions to one site that have no answer yet. */
const MAX_UNANSWERED = 2;

type Question = (client: Client) => Promise<Answer>;

export class Doubter extends RepeatingActor {
  readonly #ways: readonly { readonly site: Site; readonly client: Client; unanswered: number }[];
  readonly #unanswered = new Set<Promise<void>>();
  #fresh = 0;

  constructor(client: Client, stage: Stage) {
    super(client, stage);
    this.#ways = client.world.sites.map((site) => ({ site, client: client.at(site), unanswered: 0 }));
  }

  protected async act(): Promise<void> {
    const { client } = this;
    const { newest } = client.world;
    if (newest === undefined) return;
    client.goTo(newest);
    const kind = client.chance.between(1, 10);
    const questions = await (kind <= 7 ? this.#append() : kind <= 8 ? this.#reconfigure() : this.#provision());
    if (questions.length > 0) this.#ask(newest, questions);
  }

  protected override async end(): Promise<void> {
    this.doing = "waiting for answers";
    await Promise.all(this.#unanswered);
  }

  /** Asks one of the questions at every site but one. Does not wait for answers. */
  #ask(newest: Site, questions: readonly Question[]): void {
    for (const way of this.#ways) {
      const { site, client } = way;
      if (site === newest || site.process === undefined || site.process.over) continue;
      if (way.unanswered >= MAX_UNANSWERED) continue;
      way.unanswered += 1;
      // It may have looked elsewhere meanwhile.
      client.goTo(site);
      const question = client.chance.pick(questions);
      const asked = question(client).then(() => {
        way.unanswered -= 1;
        this.#unanswered.delete(asked);
      });
      this.#unanswered.add(asked);
    }
  }

  async #append(): Promise<readonly Question[]> {
    const { client } = this;
    const { chance } = client;
    const subject = someSubject(client, this.stage);
    this.doing = `appending to ${subject.name}, to ask others`;
    const records = [subject.record(client.name, chance, 40, wallMs(client))];
    const fence = chance.happens(0.15) ? subject.fence(client.name) : undefined;
    if (fence !== undefined) records.push(fence);
    const appended = await append(client, subject, { records });
    subject.saw(appended);
    if (appended.kind !== "appended") return [];
    const token = fence?.command?.kind === "fence" ? fence.command.token : undefined;
    if (token !== undefined) subject.fencingToken = token;
    const { start, end } = appended;
    const conditional = (condition: { readonly matchSeqNum?: number; readonly fencingToken?: string }) => {
      return async (other: Client) => {
        const answer = await append(other, subject, { records: [subject.large(other.name, 1)], ...condition });
        subject.saw(answer);
        return answer;
      };
    };
    const readFrom = (seqNum: number) => (other: Client) =>
      read(other, subject, { start: { kind: "seq_num", seqNum } });
    return [
      (other) => checkTail(other, subject),
      readFrom(start.seqNum),
      readFrom(end.seqNum),
      (other) => read(other, subject, { start: { kind: "tail_offset", offset: 1 } }),
      // Refused by whoever does not know of what was appended.
      conditional(token === undefined ? { matchSeqNum: end.seqNum } : { fencingToken: token }),
    ];
  }

  async #reconfigure(): Promise<readonly Question[]> {
    const { client } = this;
    const subject = someSubject(client, this.stage);
    this.doing = `reconfiguring ${subject.name}, to ask others`;
    const patch = {
      storageClass: client.chance.pick(["express", "standard"]),
      retention: String(client.chance.between(1, 1000) * 86_400),
    };
    const answer = await reconfigureStream(client, subject, patch);
    return answer.kind === "config" ? [(other) => getStream(other, subject)] : [];
  }

  /** Creates a stream that was never there, or deletes it again. */
  async #provision(): Promise<readonly Question[]> {
    const { client } = this;
    const { basin } = this.stage.subjects[0];
    this.#fresh += 1;
    const name = `fresh/${client.name}/${this.#fresh}`;
    const subject = Subject.fresh(basin, name);
    this.doing = `creating ${name}, to ask others`;
    const created = await ensureStream(client, subject, {});
    if (created.kind !== "provisioned") return [];
    const questions: readonly Question[] = [
      (other) => checkTail(other, subject),
      (other) => getStream(other, subject),
      (other) => read(other, subject, { start: { kind: "seq_num", seqNum: 0 } }),
      (other) => deleteStream(other, subject),
    ];
    if (client.chance.happens(0.5)) return questions;
    this.doing = `deleting ${name}, to ask others`;
    const deleted = await deleteStream(client, subject);
    return deleted.kind === "deleted" ? questions.slice(0, 3) : [];
  }
}
