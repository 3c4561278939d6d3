// An actor that does not wait for answers: crowds of small appends, more than a window of chunks holds, and once more bytes than a stream may
// have in flight, so that what has no room waits its turn.
import type { Answer } from "../check/history.ts";
import type { Client } from "../clients/client.ts";
import { append } from "../clients/operations.ts";
import { RepeatingActor, type Stage } from "./actor.ts";
import type { Subject } from "./subject.ts";

/** Together more than one stream may have in flight, and each less than a batch may have. */
const APPENDS = 36;
const APPEND_BYTES = 1_000_000;
/** A crowd: how many, and how far apart. */
const CROWD_APPENDS = 80;
const CROWD_PACE_MS = 15;
const CROWDS = 4;
/** When it comes, mostly. */
const PACE_MS = 3_000;

export class Flood extends RepeatingActor {
  readonly #subject: Subject;
  #crowds = 0;
  #flooded = false;

  /** `subject`: a stream of its own, so that not everybody reads megabytes ever after. */
  constructor(client: Client, stage: Stage, subject: Subject) {
    super(client, stage);
    this.#subject = subject;
  }

  protected override paceMs(): number {
    return PACE_MS;
  }

  protected async act(): Promise<void> {
    if (this.#crowds < CROWDS && (this.#flooded || this.client.chance.happens(0.5))) {
      this.#crowds += 1;
      await this.#appendAll(CROWD_APPENDS, 1, CROWD_PACE_MS);
    } else if (!this.#flooded) {
      this.#flooded = true;
      await this.#appendAll(APPENDS, APPEND_BYTES, 0);
    }
  }

  async #appendAll(count: number, bytes: number, paceMs: number): Promise<void> {
    const { client } = this;
    const subject = this.#subject;
    this.doing = `flooding ${subject.name}`;
    const appends: Promise<Answer>[] = [];
    for (let i = 0; i < count; i += 1) {
      appends.push(append(client, subject, { records: [subject.large(client.name, bytes)] }));
      if (paceMs > 0) await client.pause(client.chance.delayMs(paceMs));
    }
    for (const answer of await Promise.all(appends)) subject.saw(answer);
  }
}
