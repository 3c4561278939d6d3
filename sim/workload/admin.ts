// The actor that changes what there is: creates, deletes, recreates, reconfigures, some of it twice with one request token.
import type { Config } from "../check/history.ts";
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
import { RepeatingActor, someSubject } from "./actor.ts";
import { Subject } from "./subject.ts";

/** Between attempts to found a basin again. */
const FOUNDING_PACE_MS = 1500;
/** The basin that comes and goes. */
export const SCRATCH_BASIN = "scratch-basin";

/** A creation that can be asked for again. */
interface Creation {
  readonly subject: Subject;
  readonly config: Config;
  readonly token: string;
}

export class Admin extends RepeatingActor {
  readonly #creations: Creation[] = [];
  #tokens = 0;

  protected override paceMs(): number {
    return this.client.chance.pick(this.stage.adminPacesMs);
  }

  protected async act(): Promise<void> {
    const { client } = this;
    const { chance } = client;
    const subject = someSubject(client, this.stage);
    this.doing = `changing ${subject.name}`;
    const kind = chance.between(1, 14);
    if (kind >= 13) await this.#createAgain();
    else if (kind === 12) await this.#list(subject.basin);
    else if (kind === 11 && subject.basin === SCRATCH_BASIN) await this.#renewBasin();
    else if (kind <= 3) await reconfigureStream(client, subject, this.#config());
    else if (kind <= 4) await getStream(client, subject);
    else if (!subject.mortal) await ensureStream(client, subject, this.#config());
    else if (kind <= 6) subject.saw(await deleteStream(client, subject));
    else if (kind <= 7) await ensureStream(client, subject, this.#config());
    else await this.#create(subject);
  }

  /** With a request token mostly; then maybe again with the same, as clients do whose answer was lost. */
  async #create(known: Subject): Promise<void> {
    const { client } = this;
    const { chance } = client;
    const config = this.#config();
    this.#tokens += 1;
    const token = `${client.name}-${this.#tokens}`;
    // A name of its own is free, and nobody else changes what has it; but what ends with its basin must be known to all.
    const isFresh = known.basin !== SCRATCH_BASIN && chance.happens(0.5);
    const subject = isFresh ? Subject.fresh(known.basin, `fresh/${token}`) : known;
    this.doing = `creating ${subject.name}`;
    if (chance.happens(0.3)) {
      await createStream(client, subject, config, undefined);
      return;
    }
    this.#creations.push({ subject, config, token });
    const first = await createStream(client, subject, config, token);
    if (first.kind !== "unknown" && chance.happens(0.7)) return;
    if (chance.happens(0.3)) await reconfigureStream(client, subject, this.#config());
    await createStream(client, subject, config, token);
  }

  /** A creation of any time before, with its request token: what came of it since must stay as it is. */
  async #createAgain(): Promise<void> {
    if (this.#creations.length === 0) return;
    const { client } = this;
    const { chance } = client;
    const { subject, config, token } = chance.pick(this.#creations);
    this.doing = `creating ${subject.name} again`;
    if (chance.happens(0.3)) await reconfigureStream(client, subject, this.#config());
    await createStream(client, subject, config, token);
    await getStream(client, subject);
    if (subject.name.startsWith("fresh/") && chance.happens(0.3)) await deleteStream(client, subject);
  }

  /** What lasts is in every listing; names come in order, each once. */
  async #list(basin: string): Promise<void> {
    const { client } = this;
    const names = await listStreams(client, basin);
    if (names === undefined) return;
    const lasting = this.stage.subjects.filter((subject) => subject.basin === basin && !subject.mortal);
    const missing = lasting.filter(({ name }) => !names.includes(name));
    if (missing.length > 0)
      client.world.violation(`a listing of ${basin} lacks ${missing.map(({ name }) => name).join(", ")}`);
    if (names.some((name, i) => i > 0 && Buffer.compare(Buffer.from(names[i - 1]), Buffer.from(name)) >= 0))
      client.world.violation(`a listing of ${basin} is out of order: ${names.join(", ")}`);
  }

  /** Deletes the basin with all that is in it, and founds it again under its name. */
  async #renewBasin(): Promise<void> {
    const { client } = this;
    const streams = this.stage.subjects.filter(({ basin }) => basin === SCRATCH_BASIN);
    await deleteBasin(client, SCRATCH_BASIN, streams);
    while (!this.stage.stopping() && !(await ensureBasin(client, SCRATCH_BASIN, {})))
      await client.pause(FOUNDING_PACE_MS);
  }

  #config(): Config {
    const { chance } = this.client;
    return {
      ...(chance.happens(0.6) ? { storageClass: chance.pick(["express", "standard"]) } : {}),
      ...(chance.happens(0.4) ? { retention: String(chance.between(1, 5) * 86_400) } : {}),
    };
  }
}
