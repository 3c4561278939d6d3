// The operator, who uses the store's tools on a store that is in use, in the midst of all that goes wrong: checks it, copies it, collects what nobody
// needs, and is cut short now and then. What he is told must be right; what his tools delete, and put, is watched like what any process does.
import { MemoryStore, ObjectStoreError } from "@tailrace/engine/object-store";
import { VirtualRuntime } from "@tailrace/engine/runtime";
import {
  type CheckReport,
  CopyTarget,
  checkStore,
  collectGarbage,
  copyStore,
  deploymentIn,
  logOf,
  SurveyError,
  viewWithLog,
} from "@tailrace/engine/store-tools";
import type { Chance } from "./world/chance.ts";
import type { World } from "./world/world.ts";

/** How often a command is broken off, and within what time. */
const CUT_SHORT = 0.3;
const CUT_SHORT_MS = 4_000;

type Command = "check" | "copy" | "gc";

export class Operator {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #underWay = new Set<() => void>();
  #commands = 0;
  readonly #onTurn: () => void;

  /** `onTurn`: a command begins, or ends. */
  constructor(world: World, chance: Chance, onTurn: () => void) {
    this.#world = world;
    this.#chance = chance;
    this.#onTurn = onTurn;
  }

  /** Runs a command; does not wait for it. */
  act(): void {
    const { scheduler, bucket } = this.#world;
    const chance = this.#chance;
    // Nobody takes a disk over from the process that holds its lock.
    const command: Command = chance.pick(bucket.exclusive ? ["check", "copy"] : ["check", "copy", "gc", "gc"]);
    this.#commands += 1;
    const visitor = this.#world.visit(`operator.${this.#commands}`);
    const { lane } = visitor;
    scheduler.note(lane, `store ${command}`);
    this.#onTurn();
    const end = () => {
      if (!this.#underWay.delete(end)) return;
      this.#onTurn();
      scheduler.kill(lane);
    };
    this.#underWay.add(end);
    if (chance.happens(CUT_SHORT)) scheduler.after(chance.between(0, CUT_SHORT_MS), lane, "is cut short", end);
    this.#run(command, visitor).then(
      (what) => {
        scheduler.note(lane, what);
        end();
      },
      (error: unknown) => {
        scheduler.note(lane, `fails: ${String(error)}`);
        this.#judge(command, error);
        end();
      },
    );
  }

  /** What is under way ends where it stands. */
  stop(): void {
    for (const end of [...this.#underWay]) end();
  }

  async #run(command: Command, { runtime, store }: ReturnType<World["visit"]>): Promise<string> {
    switch (command) {
      case "check": {
        const report = await checkStore({ runtime, view: store });
        this.#assertSound(report, "a check of a store in use");
        return `has looked at ${report.objects} objects`;
      }
      case "gc": {
        const { found, undeleted } = await collectGarbage({ runtime, store, view: store, deposesOwner: true });
        return `has deleted ${Object.values(found).flat().length - undeleted.length} objects`;
      }
      case "copy": {
        const memory = new MemoryStore({ exclusive: false });
        const deployment = await deploymentIn(runtime, store);
        const target = await CopyTarget.claim({ runtime, store: memory, view: memory, resumes: false }, deployment);
        const { objects } = await copyStore({ runtime, source: store, target, deployment });
        const report = await checkStore({
          runtime: new VirtualRuntime({ seed: 0 }),
          view: viewWithLog(memory, undefined, await logOf(runtime, memory, undefined)),
        });
        this.#assertSound(report, "a check of a copy");
        return `has copied ${objects} objects`;
      }
    }
  }

  #assertSound({ damage }: CheckReport, which: string): void {
    const [first] = damage.told;
    if (first !== undefined && this.#world.rots.length === 0)
      this.#world.violation(`${which} finds damage: ${first.key}: ${first.what}`);
  }

  /** A store may not answer, and change too fast; nothing else is an excuse, but that something has rotted. */
  #judge(command: Command, error: unknown): void {
    if (error instanceof ObjectStoreError || error instanceof SurveyError || this.#world.rots.length > 0) return;
    this.#world.violation(
      `store ${command} fails: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    );
  }
}
