// An actor that asks for more at once than a stream may have in flight, once: what has no room waits its turn.
import type { Client } from "../clients/client.ts";
import { append } from "../clients/operations.ts";
import { type Actor, goesOn, type Stage } from "./actor.ts";
import type { Subject } from "./subject.ts";

/** Together more than one stream may have in flight, and each less than a batch may have. */
const APPENDS = 36;
const APPEND_BYTES = 1_000_000;
/** When it comes, mostly. */
const PACE_MS = 5_000;

export class Flood implements Actor {
  readonly client: Client;
  readonly #stage: Stage;
  readonly #subject: Subject;
  doing = "nothing yet";

  /** `subject`: a stream of its own, so that not everybody reads megabytes ever after. */
  constructor(client: Client, stage: Stage, subject: Subject) {
    this.client = client;
    this.#subject = subject;
    this.#stage = stage;
  }

  async run(): Promise<void> {
    const { client } = this;
    if (!(await goesOn(client, this.#stage, PACE_MS))) return;
    const subject = this.#subject;
    this.doing = `flooding ${subject.name}`;
    const appends = Array.from({ length: APPENDS }, () =>
      append(client, subject, { records: [subject.large(client.name, APPEND_BYTES)] }),
    );
    for (const answer of await Promise.all(appends)) subject.saw(answer);
    this.doing = "nothing more";
  }
}
