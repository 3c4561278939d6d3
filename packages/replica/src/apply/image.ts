// A replicated state as chunks of bytes, and back: first what the package keeps beside the machine's state, then the machine's
// own chunks. The chunks are of one instant, however slowly they are taken: that is the machine's promise (`SnapshotFormat`).
import { ByteReader, ByteWriter, MalformedError } from "../record/bytes.ts";
import { type AnnouncedSnapshot, KnownSnapshots } from "./known-snapshots.ts";
import { SessionTable } from "./session-table.ts";

const FORMAT = 1;

/** Who holds the stream's fencing token, if they said so. */
export interface Leader {
  readonly holder: string;
  readonly leaseMs: number;
}

export interface Bookkeeping {
  readonly sessions: SessionTable;
  readonly snapshots: KnownSnapshots;
  /** The stream's fencing token. */
  readonly token: string;
  readonly leader: Leader | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export function encodeBookkeeping({ sessions, snapshots, token, leader }: Bookkeeping): Uint8Array {
  const table = [...sessions];
  const writer = new ByteWriter().byte(FORMAT).varint(sessions.capacity).varint(table.length);
  for (const [session, next] of table) writer.varint(session).varint(next);
  writer.varint(snapshots.cut).varint(snapshots.known.length);
  for (const { next, first } of snapshots.known) writer.varint(next).varint(first);
  writer.bytes(encoder.encode(token)).byte(leader === undefined ? 0 : 1);
  if (leader !== undefined) writer.bytes(encoder.encode(leader.holder)).varint(leader.leaseMs);
  return writer.finish();
}

/** Throws `MalformedError`. */
export function decodeBookkeeping(bytes: Uint8Array): Bookkeeping {
  const reader = new ByteReader(bytes);
  const format = reader.byte();
  if (format !== FORMAT) throw new MalformedError(`bookkeeping of format ${format}`);
  const capacity = reader.varint();
  const table: [number, number][] = [];
  for (let left = reader.varint(); left > 0; left -= 1) table.push([reader.varint(), reader.varint()]);
  const cut = reader.varint();
  const known: AnnouncedSnapshot[] = [];
  for (let left = reader.varint(); left > 0; left -= 1) known.push({ next: reader.varint(), first: reader.varint() });
  const token = decoder.decode(reader.bytes());
  const leader = reader.byte() === 0 ? undefined : { holder: decoder.decode(reader.bytes()), leaseMs: reader.varint() };
  reader.end();
  return { sessions: SessionTable.from(capacity, table), snapshots: new KnownSnapshots(known, cut), token, leader };
}
