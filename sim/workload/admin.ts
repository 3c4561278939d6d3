// The actor that changes what there is: creates, deletes, recreates, reconfigures, some of it twice with one request token.
import type { Config } from "../check/history.ts";
import type { Client } from "../clients/client.ts";
import { createStream, deleteStream, ensureStream, getStream, reconfigureStream } from "../clients/operations.ts";
import { type Actor, goesOn, type Stage } from "./actor.ts";

const PACE_MS = 1500;

export class Admin implements Actor {
  readonly client: Client;
  readonly #stage: Stage;
  doing = "nothing yet";
  #tokens = 0;

  constructor(client: Client, stage: Stage) {
    this.client = client;
    this.#stage = stage;
  }

  async run(): Promise<void> {
    const { client } = this;
    const { chance } = client;
    while (await goesOn(client, this.#stage, PACE_MS)) {
      const subject = chance.pick(this.#stage.subjects);
      this.doing = `changing ${subject.name}`;
      const kind = chance.between(1, 10);
      if (kind <= 3) await reconfigureStream(client, subject, this.#config());
      else if (kind <= 4) await getStream(client, subject);
      else if (!subject.mortal) await ensureStream(client, subject, this.#config());
      else if (kind <= 6) subject.saw(await deleteStream(client, subject));
      else if (kind <= 7) await ensureStream(client, subject, this.#config());
      else {
        const config = this.#config();
        this.#tokens += 1;
        const token = chance.happens(0.7) ? `${client.name}-${this.#tokens}` : undefined;
        const first = await createStream(client, subject, config, token);
        // What clients do whose answer was lost.
        if (token !== undefined && (first.kind === "unknown" || chance.happens(0.3)))
          await createStream(client, subject, config, token);
      }
    }
    this.doing = "nothing more";
  }

  #config(): Config {
    const { chance } = this.client;
    return {
      ...(chance.happens(0.6) ? { storageClass: chance.pick(["express", "standard"]) } : {}),
      ...(chance.happens(0.4) ? { retention: String(chance.between(1, 5) * 86_400) } : {}),
    };
  }
}
