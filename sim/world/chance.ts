// Chance that follows from a seed: the only randomness of a simulation. Small and fast (SFC32), not for secrets.

export class Chance {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Equal seeds give equal chances. */
  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 2 ** 32) | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let i = 0; i < 12; i += 1) this.word();
  }

  /** 32 bits. */
  word(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.word() / 0x1_0000_0000;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  /** True with this probability. */
  happens(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.fraction() * items.length)];
  }

  /** Mostly near `typical`, sometimes many times that: how long real things take. */
  delayMs(typicalMs: number): number {
    const spread = this.fraction();
    return Math.round(spread < 0.9 ? typicalMs * (0.3 + spread) : typicalMs * (1 + 60 * (spread - 0.9)));
  }

  /** A stream of chances of its own: what draws from it does not move this one any further. */
  fork(): Chance {
    return new Chance(this.word() * 2 ** 20 + (this.word() >>> 12));
  }
}
