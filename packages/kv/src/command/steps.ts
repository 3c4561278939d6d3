// What one transaction, most often of one command, may cost in time: counted wherever it could go on for as long as a client
// likes, and refused beyond the bound.
// Counts follow from the state and the command alone, so that every replica refuses alike.
import { CommandError } from "./errors.ts";
import { MAX_STEPS } from "./limits.ts";

export class Steps {
  #left: number;

  constructor(allowed = MAX_STEPS) {
    this.#left = allowed;
  }

  /** For who counts by itself, and tells at its end or when none are left. */
  get left(): number {
    return this.#left;
  }

  /** Throws `CommandError` where these are more than are left; then none are. */
  take(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new CommandError(`ERR too much to do at once: up to ${MAX_STEPS} steps are allowed`);
  }
}
