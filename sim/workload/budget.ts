// How much of a simulation's plan is carried out. A failing run is shortened by giving it less: what is left happens as before.

export class Budget {
  #operations: number;
  #faults: number;
  operationsUsed = 0;
  faultsUsed = 0;

  constructor(operations: number, faults: number) {
    this.#operations = operations;
    this.#faults = faults;
  }

  /** False when no operation is left. */
  takeOperation(): boolean {
    if (this.#operations <= 0) return false;
    this.#operations -= 1;
    this.operationsUsed += 1;
    return true;
  }

  /** False when no fault is left. */
  takeFault(): boolean {
    if (this.#faults <= 0) return false;
    this.#faults -= 1;
    this.faultsUsed += 1;
    return true;
  }
}
