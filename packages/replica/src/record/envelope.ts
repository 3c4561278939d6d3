// What a record of ours says, and its bytes: one header named `r` whose value is the envelope, and a body. docs/replica.md
// describes the format. Never guesses: what a build does not know for certain stops it, since to skip a record is to diverge.
import { VersionError } from "../errors.ts";
import type { Header, LogEntry } from "../log/log.ts";
import { ByteReader, ByteWriter, MalformedError } from "./bytes.ts";

const FORMAT = 1;
const HEADER_NAME = Uint8Array.of(0x72); // r
/** Of a replica's incarnation: enough never to meet twice. */
export const NONCE_BYTES = 16;
const SHA256_BYTES = 32;
const EMPTY = new Uint8Array(0);

/** Numbers of the format; never reused. */
const KIND = {
  open: 0,
  command: 1,
  checkpoint: 2,
  snapshot: 3,
  transaction: 4,
  term: 5,
  renewal: 6,
  digest: 7,
  piece: 10,
  whole: 11,
} as const;

/** A proposer asks to be remembered. The record's sequence number becomes the name of its session. */
export interface OpenRecord {
  readonly kind: "open";
  /** By which the proposer knows its own. */
  readonly nonce: Uint8Array;
  readonly machine: string;
  readonly version: number;
  readonly maxSessions: number;
}

/** A command of a session. It counts only if it is the session's next: earlier ones are repetitions, later ones have lost a predecessor. */
export interface CommandRecord {
  readonly kind: "command";
  readonly session: number;
  readonly counter: number;
  readonly version: number;
  readonly command: Uint8Array;
}

/** A place where all replicas look at their states: they say their digests, and if so, the one with this nonce takes a snapshot. */
export interface CheckpointRecord {
  readonly kind: "checkpoint";
  readonly nonce: Uint8Array;
  readonly snapshot: boolean;
}

/** What the replica with this nonce makes of the state before `next`. */
export interface DigestRecord {
  readonly kind: "digest";
  readonly nonce: Uint8Array;
  readonly next: number;
  readonly digest: Uint8Array;
}

/** A snapshot is whole, and was read back: of the state before `next`, from `first` on in the stream of snapshots. */
export interface SnapshotRecord {
  readonly kind: "snapshot";
  readonly nonce: Uint8Array;
  readonly next: number;
  readonly first: number;
}

/** A command that was appended on condition of its sequence number, so it cannot be there twice. */
export interface TransactionRecord {
  readonly kind: "transaction";
  /** By which its replica knows its own. */
  readonly nonce: Uint8Array;
  readonly number: number;
  readonly version: number;
  readonly command: Uint8Array;
}

/** Behind the fence of its batch: whose the fencing token is now, and how long their silence must last to mean anything. */
export interface TermRecord {
  readonly kind: "term";
  readonly holder: string;
  readonly leaseMs: number;
}

/** The holder of the token is alive. */
export interface RenewalRecord {
  readonly kind: "renewal";
}

/** In the stream of snapshots: a piece of the snapshot with this nonce. */
export interface PieceRecord {
  readonly kind: "piece";
  readonly nonce: Uint8Array;
  readonly index: number;
  readonly bytes: Uint8Array;
}

/** In the stream of snapshots, behind its pieces: what they are, and what they must be. */
export interface WholeRecord {
  readonly kind: "whole";
  readonly nonce: Uint8Array;
  readonly machine: string;
  readonly version: number;
  /** It is of the state before this record of the log. */
  readonly next: number;
  /** Its first piece. */
  readonly first: number;
  readonly pieces: number;
  /** Of all pieces together. */
  readonly sha256: Uint8Array;
}

export type ReplicaRecord =
  | OpenRecord
  | CommandRecord
  | CheckpointRecord
  | DigestRecord
  | SnapshotRecord
  | TransactionRecord
  | TermRecord
  | RenewalRecord
  | PieceRecord
  | WholeRecord;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export function encodeRecord(record: ReplicaRecord): LogEntry {
  const envelope = new ByteWriter().byte(FORMAT).byte(KIND[record.kind]);
  switch (record.kind) {
    case "open":
      envelope.raw(record.nonce).varint(record.version).varint(record.maxSessions);
      return entry(envelope, encoder.encode(record.machine));
    case "command":
      envelope.varint(record.session).varint(record.counter).varint(record.version);
      return entry(envelope, record.command);
    case "checkpoint":
      return entry(envelope.raw(record.nonce).byte(record.snapshot ? 1 : 0), EMPTY);
    case "digest":
      return entry(envelope.raw(record.nonce).varint(record.next).raw(record.digest), EMPTY);
    case "snapshot":
      return entry(envelope.raw(record.nonce).varint(record.next).varint(record.first), EMPTY);
    case "transaction":
      return entry(envelope.raw(record.nonce).varint(record.number).varint(record.version), record.command);
    case "term":
      return entry(envelope.varint(record.leaseMs), encoder.encode(record.holder));
    case "renewal":
      return entry(envelope, EMPTY);
    case "piece":
      return entry(envelope.raw(record.nonce).varint(record.index), record.bytes);
    case "whole":
      envelope.raw(record.nonce).varint(record.version).varint(record.next).varint(record.first).varint(record.pieces);
      return entry(envelope.raw(record.sha256), encoder.encode(record.machine));
  }
}

function entry(envelope: ByteWriter, body: Uint8Array): LogEntry {
  return { headers: [[HEADER_NAME, envelope.finish()]], body };
}

/** Undefined for a record that is not of this package: S2's commands, and whatever else someone appended. Throws `VersionError`. */
export function decodeRecord({ headers, body }: LogEntry): ReplicaRecord | undefined {
  if (headers.length !== 1 || !isOurs(headers[0])) return undefined;
  const envelope = new ByteReader(headers[0][1]);
  try {
    const format = envelope.byte();
    if (format !== FORMAT) throw new VersionError(`a record of format ${format}; this build reads format ${FORMAT}`);
    const record = decodeKind(envelope, body);
    envelope.end();
    return record;
  } catch (error) {
    if (error instanceof MalformedError || error instanceof TypeError) {
      throw new VersionError(`a record that this build cannot read: ${error.message}`, { cause: error });
    }
    throw error;
  }
}

function isOurs([name]: Header): boolean {
  return name.length === HEADER_NAME.length && name[0] === HEADER_NAME[0];
}

function decodeKind(envelope: ByteReader, body: Uint8Array): ReplicaRecord {
  const kind = envelope.byte();
  switch (kind) {
    case KIND.open: {
      const [nonce, version, maxSessions] = [envelope.raw(NONCE_BYTES), envelope.varint(), envelope.varint()];
      return { kind: "open", nonce, version, maxSessions, machine: decoder.decode(body) };
    }
    case KIND.command: {
      const [session, counter, version] = [envelope.varint(), envelope.varint(), envelope.varint()];
      return { kind: "command", session, counter, version, command: body };
    }
    case KIND.checkpoint:
      return { kind: "checkpoint", nonce: envelope.raw(NONCE_BYTES), snapshot: envelope.byte() === 1 };
    case KIND.digest: {
      const [nonce, next, digest] = [envelope.raw(NONCE_BYTES), envelope.varint(), envelope.raw(SHA256_BYTES)];
      return { kind: "digest", nonce, next, digest };
    }
    case KIND.snapshot: {
      const [nonce, next, first] = [envelope.raw(NONCE_BYTES), envelope.varint(), envelope.varint()];
      return { kind: "snapshot", nonce, next, first };
    }
    case KIND.transaction: {
      const [nonce, number, version] = [envelope.raw(NONCE_BYTES), envelope.varint(), envelope.varint()];
      return { kind: "transaction", nonce, number, version, command: body };
    }
    case KIND.term:
      return { kind: "term", leaseMs: envelope.varint(), holder: decoder.decode(body) };
    case KIND.renewal:
      return { kind: "renewal" };
    case KIND.piece: {
      const [nonce, index] = [envelope.raw(NONCE_BYTES), envelope.varint()];
      return { kind: "piece", nonce, index, bytes: body };
    }
    case KIND.whole: {
      const [nonce, version, next] = [envelope.raw(NONCE_BYTES), envelope.varint(), envelope.varint()];
      const [first, pieces, sha256] = [envelope.varint(), envelope.varint(), envelope.raw(SHA256_BYTES)];
      return { kind: "whole", nonce, version, next, first, pieces, sha256, machine: decoder.decode(body) };
    }
    default:
      throw new VersionError(`a record of kind ${kind}, which this build does not know`);
  }
}

/** Of two nonces. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
