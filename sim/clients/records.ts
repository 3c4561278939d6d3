// The records that clients append. Every one is unlike all others and can be told from its bytes: what comes back is identified
// whole (headers, body, padding) or not at all.
import type { AppendedRecord, Command, RecordId } from "../check/history.ts";

export interface ClientRecord extends AppendedRecord {
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
  /** What the client asks for; undefined leaves it to the server. */
  readonly timestamp: bigint | undefined;
}

/** A record as the server sent it. */
export interface WireRecord {
  readonly seqNum: number;
  readonly timestamp: bigint;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Uint8Array;
}

/** The id says all there is to know: `serial.headers.paddingBytes`. */
export function plainRecord(
  serial: string,
  headers: number,
  paddingBytes: number,
  timestamp: bigint | undefined,
): ClientRecord {
  return { ...content(`${serial}.${headers}.${paddingBytes}`, headers, paddingBytes), timestamp };
}

function content(
  id: RecordId,
  headers: number,
  paddingBytes: number,
): Omit<ClientRecord, "timestamp"> & { body: Buffer } {
  return {
    id,
    headers: Array.from({ length: headers }, (_, i): [string, string] => [`h${i}`, `${id}/${i}`]),
    // What is padded with says whose it is, so that bytes of another record in the middle of it do not go unnoticed.
    body: Buffer.concat([Buffer.from(`${id}~`), Buffer.alloc(paddingBytes, `${id}_`)]),
  };
}

export function commandRecord(command: Command): ClientRecord {
  const name = command.kind;
  const body = command.kind === "fence" ? Buffer.from(command.token) : Buffer.alloc(8);
  if (command.kind === "trim") body.writeBigUInt64BE(BigInt(command.seqNum));
  return { id: commandId(name, body), command, headers: [["", name]], body, timestamp: undefined };
}

function commandId(name: string, body: Uint8Array): RecordId {
  return `${name}:${Buffer.from(body).toString(name === "trim" ? "hex" : "utf8")}`;
}

/** The id of what has come back; something that no client has ever appended when it is not whole. */
export function identify(record: Pick<WireRecord, "headers" | "body">): RecordId {
  const [first] = record.headers;
  if (record.headers.length === 1 && first[0] === "") return commandId(first[1], record.body);
  const bytes = Buffer.from(record.body.buffer, record.body.byteOffset, record.body.length);
  const id = bytes.subarray(0, Math.max(0, bytes.indexOf("~"))).toString();
  const [, headers, paddingBytes] = id.split(".").map(Number);
  if (Number.isSafeInteger(headers) && Number.isSafeInteger(paddingBytes)) {
    const expected = content(id, headers, paddingBytes);
    if (
      expected.body.equals(bytes) &&
      expected.headers.length === record.headers.length &&
      expected.headers.every(([name, value], i) => record.headers[i][0] === name && record.headers[i][1] === value)
    )
      return id;
  }
  return `altered: ${JSON.stringify(record.headers)} ${bytes.toString("latin1").slice(0, 200)}`;
}
