// A parsed append batch, waiting for its sequence numbers: what every decoder of append input produces,
// and what the sequencer writes out in stored form. Holds no object per record.

/** A command record's effect (API: command records). `index` is the record's place in its batch. */
export type AppendCommand =
  | { readonly kind: "fence"; readonly index: number; readonly token: string }
  /** `seqNum` saturates at Number.MAX_SAFE_INTEGER, which no tail ever reaches. */
  | { readonly kind: "trim"; readonly index: number; readonly seqNum: number };

export interface AppendBatch {
  /** Records, 1 to MAX_BATCH_RECORDS. */
  readonly count: number;
  /** Metered size, at most MAX_BATCH_METERED_BYTES. */
  readonly meteredBytes: number;
  /** Holds every record's payload: its headers (field 3) then its body (field 4, absent when empty), encoded as in SequencedRecord. */
  readonly bytes: Uint8Array;
  /** The payload of record i is bytes[spans[2i] .. spans[2i+1]). */
  readonly spans: Uint32Array;
  /** Client timestamps as (low, high) 32-bit words at [2i], [2i+1]; null when no record carries one. */
  readonly timestamps: Uint32Array | null;
  /** 1 at [i] when record i carries a timestamp; null exactly when `timestamps` is. */
  readonly hasTimestamp: Uint8Array | null;
  readonly commands: readonly AppendCommand[];
}

/** A batch with the conditions it is to be appended under (API: AppendInput). */
export interface AppendInput {
  readonly batch: AppendBatch;
  /** Saturates at Number.MAX_SAFE_INTEGER, which never matches. */
  readonly matchSeqNum: number | undefined;
  readonly fencingToken: string | undefined;
}

export const MAX_BATCH_RECORDS = 1000;
export const MAX_BATCH_METERED_BYTES = 1024 * 1024;
/** UTF-8 bytes of a fencing token. */
export const MAX_FENCING_TOKEN_BYTES = 36;
/** Stored bytes of one record: a frame of a read session (2 MiB less one byte) must be able to carry it with a tail beside it. */
export const MAX_STORED_RECORD_BYTES = 2 * 1024 * 1024 - 1024;
