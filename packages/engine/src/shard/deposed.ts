// How an owner learns that it has lost its shard: by what it finds in a place that should have been its own.

export interface DeposedBy {
  readonly shard: number;
  /** The place in the log where the other owner's object stands. */
  readonly place: number;
  readonly epoch: number;
  /** Hexadecimal. */
  readonly incarnation: string;
}

export class DeposedError extends Error {
  readonly by: DeposedBy;
  constructor(by: DeposedBy) {
    super(
      `shard ${by.shard} was taken over by ${by.incarnation} under epoch ${by.epoch} (place ${by.place} of its log)`,
    );
    this.name = "DeposedError";
    this.by = by;
  }
}
