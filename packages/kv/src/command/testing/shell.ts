// A keyspace with a command line, for tests: runs commands one by one as the log would have them applied.
import { Keyspace } from "../../state/keyspace.ts";
import { revisionOf } from "../../state/revision.ts";
import { isError, type Reply } from "../reply.ts";
import { Steps } from "../steps.ts";
import { anyCommandNamed, runCommand } from "../table.ts";

export class Shell {
  readonly keyspace: Keyspace;
  #position = 0;
  #chance = 1;

  constructor(keyspace = new Keyspace()) {
    this.keyspace = keyspace;
  }

  /** Time passes, and what has expired goes, as a record would have it. */
  pass(ms: number): void {
    this.#position += 1;
    this.keyspace.revision = revisionOf(this.#position, 0);
    this.keyspace.advance(this.keyspace.nowMs + ms);
  }

  run(...args: string[]): Reply {
    const spec = anyCommandNamed(args[0]);
    if (spec === undefined) throw new Error(`no such command: ${args[0]}`);
    this.#position += 1;
    this.keyspace.revision = revisionOf(this.#position, 0);
    const context = {
      keyspace: this.keyspace,
      nowMs: this.keyspace.nowMs,
      fraction: () => {
        this.#chance = (this.#chance * 48_271) % 0x7fffffff;
        return this.#chance / 0x7fffffff;
      },
      steps: new Steps(),
      publish: () => 0,
    };
    return runCommand(spec, context, args);
  }

  /** A line of words separated by blanks, and its reply in short: errors and statuses as their text. */
  line(line: string): unknown {
    return plain(this.run(...line.split(" ")));
  }
}

/** A reply as plain values. */
export function plain(reply: Reply): unknown {
  if (reply === null || typeof reply !== "object") return reply;
  if (isError(reply)) return reply.text;
  if (!("kind" in reply)) return reply.map(plain);
  switch (reply.kind) {
    case "status":
    case "verbatim":
      return reply.text;
    case "null-array":
      return null;
    case "map":
      return reply.entries.map(([key, value]) => [plain(key), plain(value)]);
    case "pairs":
      return reply.pairs.map(([first, second]) => [plain(first), plain(second)]);
    case "set":
      return reply.members.map(plain);
    case "push":
      return reply.items.map(plain);
    case "double":
    case "boolean":
      return reply.value;
  }
}
