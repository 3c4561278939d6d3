// A replicated state as chunks of bytes, and back: first what the package keeps beside the machine's state, then the machine's
// own chunks. The chunks are of one instant, however slowly they are taken: that is the machine's promise (`SnapshotFormat`).
import { ByteReader, ByteWriter, MalformedError } from "../record/bytes.ts";
import { type AnnouncedSnapshot, KnownSnapshots } from "./known-snapshots.ts";
import { SessionTable } from "./session-table.ts";

const FORMAT = 1;

export interface Bookkeeping {
  readonly sessions: SessionTable;
  readonly snapshots: KnownSnapshots;
}

export function encodeBookkeeping({ sessions, snapshots }: Bookkeeping): Uint8Array {
  const table = [...sessions];
  const writer = new ByteWriter().byte(FORMAT).varint(sessions.capacity).varint(table.length);
  for (const [session, next] of table) writer.varint(session).varint(next);
  writer.varint(snapshots.cut).varint(snapshots.known.length);
  for (const { next, first } of snapshots.known) writer.varint(next).varint(first);
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
  reader.end();
  return { sessions: SessionTable.from(capacity, table), snapshots: new KnownSnapshots(known, cut) };
}
