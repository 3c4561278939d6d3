// How an owner learns that it has lost its shard: by what it finds in a place that should have been its own, or among the manifests.

export interface DeposedBy {
  readonly shard: number;
  /** What of the other owner's was found. */
  readonly found: { readonly kind: "place" | "manifest"; readonly number: number };
  readonly epoch: number;
  /** Hexadecimal. */
  readonly incarnation: string;
}

export class DeposedError extends Error {
  readonly by: DeposedBy;
  constructor(by: DeposedBy) {
    super(`shard ${by.shard} was taken over by ${by.incarnation} under epoch ${by.epoch} (${found(by)})`);
    this.name = "DeposedError";
    this.by = by;
  }
}

function found({ found: { kind, number } }: DeposedBy): string {
  return kind === "place" ? `place ${number} of its log` : `version ${number} of its manifest`;
}
