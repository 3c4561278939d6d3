// The actor that appends with an access token of its own, more than the operator allows its holder: refused by itself, held up in sessions.
// What it gets through is counted where it comes to stand (`world/quota-watch.ts`).
import { issueToken } from "../clients/access-tokens.ts";
import { appendSession } from "../clients/append-session.ts";
import { append, type StreamRef } from "../clients/operations.ts";
import { RepeatingActor } from "./actor.ts";
import type { Subject } from "./subject.ts";

const PACE_MS = 120;
const RIGHTS = { read: true, write: true };
const MAX_SESSION_BATCHES = 12;

export class Tenant extends RepeatingActor {
  #stream: StreamRef | undefined;
  #asked = 0;

  protected override paceMs(): number {
    return PACE_MS;
  }

  protected async act(): Promise<void> {
    const { client } = this;
    const [subject] = this.stage.subjects;
    this.#stream ??= await this.#admitted(subject);
    if (this.#stream === undefined) return;
    const record = () => ({ records: [subject.large(client.name, client.chance.between(1, 60))] });
    if (client.chance.happens(0.7)) {
      this.doing = `appending to ${subject.name} with a token`;
      subject.saw(await append(client, this.#stream, record()));
      return;
    }
    this.doing = `in an append session on ${subject.name} with a token`;
    let more = client.chance.between(1, MAX_SESSION_BATCHES);
    const next = () => {
      more -= 1;
      return more < 0 || this.stage.stopping() || !this.stage.budget.takeOperation() ? undefined : record();
    };
    const { failure } = await appendSession(client, this.#stream, next);
    if (failure !== undefined) subject.saw(failure);
  }

  /** Undefined when nobody has told it a token. */
  async #admitted(subject: Subject): Promise<StreamRef | undefined> {
    const { client } = this;
    this.#asked += 1;
    const id = `${client.name}-${this.#asked}`;
    this.doing = `asking for ${id}`;
    const bearer = await issueToken(client, id, subject, RIGHTS);
    if (bearer === undefined) {
      client.lookElsewhere();
      return undefined;
    }
    const { basin, name, createdOnAppend, createdOnRead, encryptionKey } = subject;
    return { basin, name, createdOnAppend, createdOnRead, encryptionKey, bearer };
  }
}
