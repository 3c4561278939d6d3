// The actor that changes what there is: creates, deletes, recreates, reconfigures, some of it twice with one request token.
import type { Config } from "../check/history.ts";
import type { Client } from "../clients/client.ts";
import {
  createStream,
  deleteBasin,
  deleteStream,
  ensureBasin,
  ensureStream,
  getStream,
  listStreams,
  reconfigureStream,
} from "../clients/operations.ts";
import { type Actor, goesOn, type Stage, someSubject } from "./actor.ts";

const PACE_MS = 1500;
/** The basin that comes and goes. */
export const SCRATCH_BASIN = "scratch-basin";

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
      const subject = someSubject(client, this.#stage);
      this.doing = `changing ${subject.name}`;
      const kind = chance.between(1, 12);
      if (kind === 12) await this.#list(subject.basin);
      else if (kind === 11 && subject.basin === SCRATCH_BASIN) await this.#renewBasin();
      else if (kind <= 3) await reconfigureStream(client, subject, this.#config());
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

  /** What lasts is in every listing; names come in order, each once. */
  async #list(basin: string): Promise<void> {
    const { client } = this;
    const names = await listStreams(client, basin);
    if (names === undefined) return;
    const lasting = this.#stage.subjects.filter((subject) => subject.basin === basin && !subject.mortal);
    const missing = lasting.filter(({ name }) => !names.includes(name));
    if (missing.length > 0)
      client.world.violation(`a listing of ${basin} lacks ${missing.map(({ name }) => name).join(", ")}`);
    if (names.some((name, i) => i > 0 && Buffer.compare(Buffer.from(names[i - 1]), Buffer.from(name)) >= 0))
      client.world.violation(`a listing of ${basin} is out of order: ${names.join(", ")}`);
  }

  /** Deletes the basin with all that is in it, and founds it again under its name. */
  async #renewBasin(): Promise<void> {
    const { client } = this;
    const streams = this.#stage.subjects.filter(({ basin }) => basin === SCRATCH_BASIN);
    await deleteBasin(client, SCRATCH_BASIN, streams);
    while (!this.#stage.stopping() && !(await ensureBasin(client, SCRATCH_BASIN, {}))) await client.pause(PACE_MS);
  }

  #config(): Config {
    const { chance } = this.client;
    return {
      ...(chance.happens(0.6) ? { storageClass: chance.pick(["express", "standard"]) } : {}),
      ...(chance.happens(0.4) ? { retention: String(chance.between(1, 5) * 86_400) } : {}),
    };
  }
}
