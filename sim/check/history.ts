// What clients asked of streams and what they were told, in one total order of events: the input of the checker.
// Types only, and no opinion: whether a history can have come from correct streams is decided in `checker.ts`.

/** A place in the total order of all events of a history. An operation takes effect between its `invoked` and its `returned`. */
export type Moment = number;

/** `(seq_num, timestamp)`; of a tail: the next sequence number, and the timestamp of the last record. */
export interface Position {
  readonly seqNum: number;
  readonly timestamp: bigint;
}

/** Stands for a record's headers and body: equal exactly if they are. No two records that clients append may be equal. */
export type RecordId = string;

export type Command =
  | { readonly kind: "fence"; readonly token: string }
  /** The earliest sequence number to keep, as the client sent it. */
  | { readonly kind: "trim"; readonly seqNum: number };

export interface AppendedRecord {
  readonly id: RecordId;
  /** Set on command records. */
  readonly command?: Command;
}

export interface ReadRecord extends Position {
  readonly id: RecordId;
}

/** A stream's config, or a part of it, flattened: field to value, both as text. Only fields that a workload looks at need be in it. */
export type Config = Readonly<Record<string, string>>;

export type ReadStart =
  | { readonly kind: "seq_num"; readonly seqNum: number }
  | { readonly kind: "timestamp"; readonly timestamp: bigint }
  | { readonly kind: "tail_offset"; readonly offset: number };

/** What was asked. */
export type Call =
  | {
      readonly kind: "append";
      readonly records: readonly AppendedRecord[];
      readonly matchSeqNum?: number;
      readonly fencingToken?: string;
      /** The basin creates missing streams on such a call. */
      readonly createsStream?: boolean;
    }
  /** A unary read, or one event of a read session; then `start` is what follows the event before it. */
  | { readonly kind: "read"; readonly start: ReadStart; readonly clamp?: boolean; readonly createsStream?: boolean }
  | { readonly kind: "check-tail"; readonly createsStream?: boolean }
  /** `config` is resolved; without it, the stream's config is not checked. Calls with one `requestToken` must be equal. */
  | { readonly kind: "create"; readonly config?: Config; readonly requestToken?: string }
  | { readonly kind: "ensure"; readonly config?: Config }
  | { readonly kind: "reconfigure"; readonly patch: Config }
  | { readonly kind: "get" }
  | { readonly kind: "delete" };

/** What the client was told. */
export type Answer =
  /** Nothing, or an error that promises nothing: it may take effect at any time after its invocation, wholly, or never. */
  | { readonly kind: "unknown" }
  /** Refused, with the promise of no effect, and for a reason that says nothing of the stream's state (422, `rate_limited`, …). */
  | { readonly kind: "refused" }
  | { readonly kind: "appended"; readonly start: Position; readonly end: Position; readonly tail: Position }
  | {
      readonly kind: "records";
      /** Dense and ascending. May be empty. */
      readonly records: readonly ReadRecord[];
      readonly tail?: Position;
      /** True if no bound of the read (count, bytes, until; 1000 records, 1 MiB) can have ended it: then it ends at the tail. */
      readonly endsAtTail: boolean;
    }
  /** To a check-tail. To a read: the heartbeat of a session, which has delivered everything up to there. */
  | { readonly kind: "tail"; readonly tail: Position }
  /** To create and ensure. */
  | { readonly kind: "provisioned"; readonly result?: "created" | "updated" | "noop"; readonly config?: Config }
  /** To reconfigure and get. */
  | { readonly kind: "config"; readonly config: Config }
  | { readonly kind: "deleted" }
  /** 404 */
  | { readonly kind: "not-found" }
  /** 409 */
  | { readonly kind: "deletion-pending" }
  | { readonly kind: "already-exists" }
  /** 412 */
  | { readonly kind: "seq-num-mismatch"; readonly actual: number }
  | { readonly kind: "fencing-token-mismatch"; readonly actual: string }
  /** 416 */
  | { readonly kind: "unwritten"; readonly tail: Position };

export interface Operation {
  readonly client: string;
  /** Basin and name, or whatever tells streams apart. */
  readonly stream: string;
  readonly call: Call;
  readonly answer: Answer;
  readonly invoked: Moment;
  /** When the answer was there; of no meaning if it is unknown. */
  readonly returned: Moment;
  /** The same in milliseconds, where somebody had a clock. */
  readonly invokedMs?: number;
  readonly returnedMs?: number;
  /**
   * Operations of one session take effect in the order of their invocations, and of the history where these are equal; an append of
   * a session takes effect only if those before it did. A session is bound to one incarnation of its stream, and one that reconnects
   * is a new session.
   */
  readonly session?: string;
}

export type History = readonly Operation[];

/** Where things of unknown outcome are said to stand, by positions that grow along one log of everything. */
export interface Standing {
  readonly records: ReadonlyMap<RecordId, number>;
  /** By stream: where each of its incarnations ends, the first one first; undefined for one that does not. */
  readonly ends: ReadonlyMap<string, readonly (number | undefined)[]>;
}
