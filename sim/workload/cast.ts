// Who uses which streams: what a scenario says, made of subjects and actors. Founds the streams, lets the actors loose, and decides nothing else.
import type { AgeingStream } from "../check/ageing.ts";
import type { Client } from "../clients/client.ts";
import { ensureBasin, ensureStream, keyOf } from "../clients/operations.ts";
import type { Scenario } from "../scenario.ts";
import type { Actor, Stage } from "./actor.ts";
import { Admin, SCRATCH_BASIN } from "./admin.ts";
import type { Budget } from "./budget.ts";
import { Doubter } from "./doubters.ts";
import { Flood } from "./flood.ts";
import { Gatekeeper } from "./gatekeeper.ts";
import { Keeper } from "./keeper.ts";
import { Reader, Tailer } from "./readers.ts";
import { type Ageing, Subject } from "./subject.ts";
import { Tenant } from "./tenant.ts";
import { SessionWriter, Writer } from "./writers.ts";

const BASIN = "simulated-basin";
const CREATING_BASIN = "creating-basin";
const SEALED_BASIN = "sealed-basin";
/** 32 bytes in base64. */
const KEY = Buffer.alloc(32, "simulated").toString("base64");
/** Those who use what ages are silent for long enough, now and then. */
const AGEING_PACES_MS = [300, 1_500, 5_000];
/** Between attempts to found something, mostly. */
const FOUNDING_PACE_MS = 200;

export class Cast {
  /** All of them; the one that floods go to is not for others, and those that age have actors of their own. */
  readonly subjects: readonly Subject[];
  readonly actors: Actor[] = [];
  readonly #scenario: Scenario;
  readonly #flooded: Subject;
  readonly #ageing: readonly Subject[];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    const { streams } = scenario;
    this.#flooded = stream(BASIN, "flooded", false);
    const { ageing } = streams;
    this.#ageing =
      ageing === undefined
        ? []
        : [
            stream(BASIN, "ageing", false, { ...ageing, deleteOnEmptySecs: 0 }),
            stream(BASIN, "ageing/away", false, ageing),
          ];
    this.subjects = [
      stream(BASIN, "lasting", false),
      ...(streams.second ? [stream(BASIN, "lasting/2", false)] : []),
      ...(streams.mortal ? [stream(BASIN, "mortal", true)] : []),
      ...(streams.createdOnUse ? [stream(CREATING_BASIN, "created on use", true)] : []),
      ...(streams.scratch ? [stream(SCRATCH_BASIN, "scratch", true)] : []),
      ...(streams.sealed ? [stream(SEALED_BASIN, "sealed", true)] : []),
      ...(scenario.actors.floods > 0 ? [this.#flooded] : []),
      ...this.#ageing,
    ];
  }

  /** Basins and streams are there when it resolves. */
  async found(client: Client): Promise<void> {
    const patiently = async (attempt: () => Promise<boolean>) => {
      while (!(await attempt())) {
        client.lookElsewhere();
        await client.pause(client.chance.delayMs(FOUNDING_PACE_MS));
      }
    };
    await patiently(() => ensureBasin(client, BASIN, {}));
    const creating = { create_stream_on_append: true, create_stream_on_read: true };
    await patiently(() => ensureBasin(client, SCRATCH_BASIN, {}));
    await patiently(() => ensureBasin(client, CREATING_BASIN, creating));
    await patiently(() => ensureBasin(client, SEALED_BASIN, { stream_cipher: "aes-256-gcm" }));
    for (const subject of this.subjects) {
      if (!subject.createdOnAppend)
        await patiently(async () => (await ensureStream(client, subject, subject.config)).kind === "provisioned");
    }
  }

  /** Resolves when all actors have come to their ends, after `stopping`. `client` makes one of a name. */
  begin(client: (name: string) => Client, budget: Budget, stopping: () => boolean): Promise<unknown> {
    const scenario = this.#scenario;
    const stage: Stage = {
      subjects: this.subjects.filter((subject) => subject !== this.#flooded && subject.ageing === undefined),
      budget,
      pacesMs: scenario.actorPacesMs,
      adminPacesMs: scenario.adminPacesMs,
      commandRate: scenario.commandRate,
      stopping,
    };
    const add = (kind: string, count: number, make: (client: Client) => Actor) => {
      for (let i = 1; i <= count; i += 1) this.actors.push(make(client(`${kind}${i}`)));
    };
    const { writers, sessions, readers, tailers, admins, floods, doubters, gatekeepers, tenants } = scenario.actors;
    add("writer", writers, (client) => new Writer(client, stage));
    add("session", sessions, (client) => new SessionWriter(client, stage));
    add("reader", readers, (client) => new Reader(client, stage));
    add("tailer", tailers, (client) => new Tailer(client, stage));
    add("admin", admins, (client) => new Admin(client, stage));
    add("doubter", doubters, (client) => new Doubter(client, stage));
    add("gatekeeper", gatekeepers, (client) => new Gatekeeper(client, stage));
    add("tenant", tenants, (client) => new Tenant(client, stage));
    add("flood", floods, (client) => new Flood(client, stage, this.#flooded));
    if (this.#ageing.length > 0) {
      const ageing: Stage = { ...stage, subjects: this.#ageing, pacesMs: AGEING_PACES_MS };
      add("ageing writer", 1, (client) => new Writer(client, ageing));
      add("ageing reader", 2, (client) => new Reader(client, ageing));
      add("ageing tailer", 1, (client) => new Tailer(client, ageing));
      add("keeper", 1, (client) => new Keeper(client, ageing));
    }
    return Promise.all(this.actors.map((actor) => actor.run()));
  }

  /** What each waits for, for whoever finds them waiting for ever. */
  get doings(): string {
    return this.actors.map(({ client, doing }) => `${client.name} is ${doing}`).join(", ");
  }

  /** What those actors that judge for themselves have left to say. */
  async lastWords(): Promise<void> {
    const gatekeepers = this.actors.filter((actor) => actor instanceof Gatekeeper);
    await Promise.all(gatekeepers.map((gatekeeper) => gatekeeper.lastWord()));
  }

  /** For the checks. */
  get ageingStreams(): readonly AgeingStream[] {
    return this.#ageing.map((subject) => {
      const { ageSecs = 0, deleteOnEmptySecs = 0 } = subject.ageing ?? {};
      return {
        stream: keyOf(subject),
        ageMs: 1000 * ageSecs,
        deletesItselfAfterMs: deleteOnEmptySecs === 0 ? undefined : 1000 * deleteOnEmptySecs,
      };
    });
  }
}

function stream(basin: string, name: string, mortal: boolean, ageing?: Ageing): Subject {
  return new Subject({
    basin,
    name,
    mortal,
    createdOnAppend: basin === CREATING_BASIN,
    createdOnRead: basin === CREATING_BASIN,
    encryptionKey: basin === SEALED_BASIN ? KEY : undefined,
    ageing,
  });
}
