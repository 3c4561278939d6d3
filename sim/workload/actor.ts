// What an actor of the workload is, and what actors share: they ask for one thing after another until they are told to stop.
import type { Client } from "../clients/client.ts";
import type { Budget } from "./budget.ts";
import type { Subject } from "./subject.ts";

/** 2026-01-01T00:00:00Z: where the simulated wall clocks start. */
export const WALL_EPOCH_MS = 1_767_225_600_000n;

export interface Stage {
  readonly subjects: readonly Subject[];
  readonly budget: Budget;
  readonly pacesMs: readonly number[];
  /** Those of whoever changes what there is. */
  readonly adminPacesMs: readonly number[];
  /** How likely a batch has a fence among its records, and a trim. */
  readonly commandRate: number;
  /** True once actors are to come to an end. */
  readonly stopping: () => boolean;
}

export interface Actor {
  readonly client: Client;
  /** What it waits for, for whoever finds it waiting for ever. */
  doing: string;
  run(): Promise<void>;
}

/** One that does the same kind of thing again and again. */
export abstract class RepeatingActor implements Actor {
  readonly client: Client;
  protected readonly stage: Stage;
  doing = "nothing yet";

  constructor(client: Client, stage: Stage) {
    this.client = client;
    this.stage = stage;
  }

  async run(): Promise<void> {
    const paceMs = this.paceMs();
    while (await goesOn(this.client, this.stage, paceMs)) await this.act();
    await this.end();
    this.doing = "nothing more";
  }

  /** The pace at which it acts: each has its own. */
  protected paceMs(): number {
    return this.client.chance.pick(this.stage.pacesMs);
  }

  /** Does one thing. */
  protected abstract act(): Promise<void>;

  /** Brings what is under way to its end. */
  protected async end(): Promise<void> {}
}

/** Pauses, and says whether to go on with one more operation. */
async function goesOn(client: Client, stage: Stage, paceMs: number): Promise<boolean> {
  await client.pause(client.chance.delayMs(paceMs));
  return !stage.stopping() && stage.budget.takeOperation();
}

/** A stream to do something with. */
export function someSubject(client: Client, stage: Stage): Subject {
  return client.chance.pick(stage.subjects.filter((subject) => !subject.murky));
}

export function wallMs(client: Client): bigint {
  return WALL_EPOCH_MS + BigInt(Math.floor(client.world.scheduler.nowMs));
}
