// What the engine offers to those above it. Handlers of the server are functions of a parsed request and this.
import type { AccessToken } from "./account/access-tokens.ts";
import type { Location } from "./account/locations.ts";
import type { ResourceSet } from "./account/resource-set.ts";
import type {
  BasinConfig,
  BasinConfigPatch,
  PartialStreamConfig,
  StreamCipher,
  StreamConfig,
  StreamConfigPatch,
} from "./config.ts";
import type { EncryptionKey } from "./encryption/encryption-key.ts";
import type { UsageApi } from "./usage/usage-service.ts";
import type { AppendInput } from "./wire/append-batch.ts";
import type { Position } from "./wire/position.ts";

export interface BasinInfo {
  readonly name: string;
  readonly location: string;
  readonly createdAtMs: number;
  /** Null unless deletion is pending. */
  readonly deletedAtMs: number | null;
}

export interface StreamInfo {
  readonly name: string;
  readonly createdAtMs: number;
  /** What its records are sealed with, for good; null where they are in the clear. */
  readonly cipher: StreamCipher | null;
  /** Null unless deletion is pending. */
  readonly deletedAtMs: number | null;
}

/** How a create is made idempotent: the same token with the same input answers again without a second effect. */
export interface Idempotency {
  readonly requestToken: string;
  /** Stands for the input as it was sent; equal inputs have equal fingerprints. */
  readonly fingerprint: string;
}

export type ProvisionResult = "created" | "updated" | "noop";

export interface ListOptions {
  readonly prefix: string;
  /** Exclusive. */
  readonly startAfter: string;
  /** 1 to 1000. */
  readonly limit: number;
  /** Only these names. Default: all. */
  readonly within?: ResourceSet;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly hasMore: boolean;
}

export interface AppendAck {
  readonly start: Position;
  /** Exclusive: last sequence number + 1, with the last record's timestamp. */
  readonly end: Position;
  /** What is to be assigned next, at the time of the acknowledgement. */
  readonly tail: Position;
  /** Of the chunk that it became durable with, in the shard's log. */
  readonly place: number;
}

export type ReadStart =
  | { readonly kind: "seq_num"; readonly seqNum: number }
  | { readonly kind: "timestamp"; readonly timestamp: bigint }
  | { readonly kind: "tail_offset"; readonly offset: number };

export interface ReadOptions {
  readonly start: ReadStart;
  readonly clamp: boolean;
  /** Records; undefined is no bound. */
  readonly count: number | undefined;
  /** Metered bytes; undefined is no bound. */
  readonly bytes: number | undefined;
  /** Exclusive timestamp. */
  readonly until: bigint | undefined;
  /** Undefined: not given. */
  readonly waitMs: number | undefined;
  /** `unary`: one `next`, at most 1000 records and 1 MiB. `session`: follows by the rules of read sessions, with heartbeats. */
  readonly mode: "unary" | "session";
}

export type ReadEvent =
  /** Runs of SequencedRecord messages (field 1 of ReadBatch) in order; at most 1000 records and 1 MiB metered in all. `tail` only while following in real time. */
  | {
      readonly kind: "batch";
      readonly slices: readonly Uint8Array[];
      readonly count: number;
      readonly meteredBytes: number;
      readonly lastSeqNum: number;
      readonly tail: Position | null;
    }
  /** Caught up; nothing new for a while. */
  | { readonly kind: "heartbeat"; readonly tail: Position }
  /** A bound is reached. `tail` is for a unary answer without records. */
  | { readonly kind: "end"; readonly tail: Position | null };

/** A pull-based reader bound to one incarnation of a stream. It holds no records of its own between calls. */
export interface StreamReader {
  /**
   * The next event; one call at a time. `mostBytes` bounds the metered bytes of a batch beyond the read's own bounds: what it cuts comes
   * with the next call, and one record always fits. Rejects with an engine error (`stream_deletion_pending`, `unavailable`, …), after which the reader is closed.
   */
  next(mostBytes?: number): Promise<ReadEvent>;
  /** Ends the reader; a pending `next` resolves with `end`. */
  close(): void;
}

/** An appender bound to one incarnation of a stream. */
export interface StreamAppender {
  /** Resolves once the batch, and all before it, are durable. Appends are sequenced in the order of the calls; after one has failed, all later ones of this appender fail too. */
  append(input: AppendInput): Promise<AppendAck>;
  /** Nothing more is appended: the stream need not be kept at hand. Appends under way go on. */
  close(): void;
}

/** What a request brings along for the stream that it opens. */
export interface StreamOpening {
  /** Laid over the basin's defaults if the stream is missing and the basin lets this kind of request create it. */
  readonly config: PartialStreamConfig;
  /** Needed for encrypted streams, ignored for others. */
  readonly encryptionKey?: EncryptionKey | undefined;
}

export interface EngineStats {
  readonly inFlightAppendBytes: number;
  readonly waitingAppendBytes: number;
  readonly cachedBytes: number;
  readonly streams: number;
  /** Of these, the ones that somebody uses, or did a while ago. */
  readonly streamsInMemory: number;
  readonly basins: number;
  readonly activeReaders: number;
  readonly chunksPut: number;
  readonly chunkBytesPut: number;
  readonly segments: number;
  readonly segmentsPut: number;
  readonly segmentBytesPut: number;
  /** Merges of segments, the bytes that they put, and segments that went without one. */
  readonly merges: number;
  readonly mergedBytesPut: number;
  readonly segmentsDropped: number;
  readonly recordsAppended: number;
  readonly takeovers: number;
  readonly epoch: number;
  /** Reads of history that went to the object store, and those served from memory. */
  readonly cacheMisses: number;
  readonly cacheHits: number;
}

/** The access tokens of the account. The engine stores them; what they permit is for those above it to see to. */
export interface AccessTokensApi {
  /** Resolves once the token is durable. `issuerKey` is the key of the token that asks for it, null for the root's.
   * Errors: `resource_already_exists`; `permission_denied` when the issuer is gone meanwhile. */
  issue(token: AccessToken, issuerKey: string | null): Promise<void>;
  /** Resolves once the revocation is durable. Errors: `access_token_not_found`. */
  revoke(id: string): Promise<void>;
  /** Those that have not expired. */
  list(options: ListOptions): Promise<Page<AccessToken>>;
  /** The token with this key, expired or not. That there is none is worth something only behind `assertCurrent`. Errors (thrown): EngineError. */
  find(key: string): AccessToken | undefined;
  /** Resolves while nobody can have issued or revoked a token without this engine's knowing. Errors: EngineError. */
  assertCurrent(): Promise<void>;
  /** Calls back with every token that is revoked from now on. */
  onRevoked(callback: (token: AccessToken) => void): void;
}

/** Where basins live. */
export interface LocationsApi {
  /** These are all locations from now on, stored for all who serve this deployment. Errors: `invalid` when a basin needs what is missing from them. */
  define(locations: readonly Location[]): Promise<void>;
  list(): Promise<readonly Location[]>;
  /** Where basins go that name no location. */
  getDefault(): Promise<Location>;
  /** Errors: `invalid` when there is none of that name. */
  setDefault(name: string): Promise<Location>;
}

/** The account's basins. */
export interface BasinsApi {
  /** `location`: default the default location. Errors: `resource_already_exists`, `basin_deletion_pending`, `invalid`. */
  create(
    name: string,
    config: BasinConfig,
    idempotency: Idempotency | undefined,
    location?: string,
  ): Promise<{ info: BasinInfo; result: ProvisionResult }>;
  /** Creates the basin, or gives it this config. Errors: `basin_deletion_pending`, `invalid`. */
  ensure(name: string, config: BasinConfig, location?: string): Promise<{ info: BasinInfo; result: ProvisionResult }>;
  /** The config's class is resolved: the location's default, where none was given. Errors: `basin_not_found`, `basin_deletion_pending`. */
  get(name: string): Promise<{ info: BasinInfo; config: BasinConfig }>;
  /** Answers as `get`. */
  reconfigure(name: string, patch: BasinConfigPatch): Promise<BasinConfig>;
  /** Resolves once deletion is durable; idempotent while it is pending. */
  delete(name: string): Promise<void>;
  list(options: ListOptions): Promise<Page<BasinInfo>>;
}

/** The streams of basins, by name. Errors of all: those of the basin (`get` and `delete`: `stream_not_found` instead), `stream_not_found`, `stream_deletion_pending`. */
export interface StreamsApi {
  /** Errors: `resource_already_exists`, `invalid`, `quota_exhausted`. */
  create(
    basin: string,
    name: string,
    config: PartialStreamConfig,
    idempotency: Idempotency | undefined,
  ): Promise<{ info: StreamInfo; config: StreamConfig; result: ProvisionResult }>;
  /** Creates the stream, or gives it this config. Errors: `invalid`, `quota_exhausted`. */
  ensure(
    basin: string,
    name: string,
    config: PartialStreamConfig,
  ): Promise<{ info: StreamInfo; config: StreamConfig; result: ProvisionResult }>;
  get(basin: string, name: string): Promise<{ info: StreamInfo; config: StreamConfig }>;
  reconfigure(basin: string, name: string, patch: StreamConfigPatch): Promise<StreamConfig>;
  /** Resolves once deletion is durable; idempotent while it is pending. */
  delete(basin: string, name: string): Promise<void>;
  list(basin: string, options: ListOptions): Promise<Page<StreamInfo>>;
}

/** Every rejection is an EngineError, a ConditionFailedError, an UnwrittenError or an EncryptionKeyError. Every answer, negative ones included, rests on durable state and on a held lease. */
export interface EngineApi {
  readonly basins: BasinsApi;
  readonly streams: StreamsApi;

  /** One batch. */
  append(basin: string, stream: string, input: AppendInput, opening: StreamOpening): Promise<AppendAck>;
  openAppender(basin: string, stream: string, opening: StreamOpening): Promise<StreamAppender>;
  openReader(basin: string, stream: string, options: ReadOptions, opening: StreamOpening): Promise<StreamReader>;
  checkTail(basin: string, stream: string): Promise<Position>;
  /** What `checkTail` would answer, if it can be told without waiting for anything: the stream is there for good, and the lease is held. Never throws. */
  tailAtOnce(basin: string, stream: string): Position | undefined;

  readonly accessTokens: AccessTokensApi;
  readonly usage: UsageApi;
  readonly locations: LocationsApi;

  /** True when the shard has been taken over and answers. */
  readonly ready: boolean;
  stats(): EngineStats;
  /** Refuses new work with `server_draining`, waits until what was accepted is durable, puts the release, closes the store. */
  close(): Promise<void>;
}
