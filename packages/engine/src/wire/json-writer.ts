// Positions, acknowledgements and read batches in JSON. One of the named exceptions to "encode once": JSON readers are decoded for.
// Numbers are written exactly, whatever their size.
import type { RecordFormat } from "./append-input-json.ts";
import type { AckPositions } from "./messages.ts";
import type { Position } from "./position.ts";
import { RecordCursor } from "./record-cursor.ts";

export function positionJson(position: Position): string {
  return `{"seq_num":${position.seqNum},"timestamp":${position.timestamp}}`;
}

export function ackJson(ack: AckPositions): string {
  return `{"start":${positionJson(ack.start)},"end":${positionJson(ack.end)},"tail":${positionJson(ack.tail)}}`;
}

const cursor = new RecordCursor();

/** A ReadBatch: records in `slices`, each a stored run; empty headers and bodies are left out. */
export function readBatchJson(slices: readonly Uint8Array[], tail: Position | null, format: RecordFormat): string {
  let json = '{"records":[';
  let first = true;
  for (const slice of slices) {
    const bytes = Buffer.from(slice.buffer, slice.byteOffset, slice.byteLength);
    cursor.reset(bytes, 0, bytes.length);
    while (cursor.next()) {
      json += first ? "{" : ",{";
      first = false;
      json += `"seq_num":${cursor.seqNum},"timestamp":${cursor.timestampHigh === 0 ? cursor.timestampLow : cursor.timestamp}`;
      if (cursor.headerCount > 0) json += `,"headers":[${headersJson(bytes, format)}]`;
      if (cursor.bodyEnd > cursor.bodyStart)
        json += `,"body":${stringJson(bytes, cursor.bodyStart, cursor.bodyEnd, format)}`;
      json += "}";
    }
  }
  return tail === null ? `${json}]}` : `${json}],"tail":${positionJson(tail)}}`;
}

function headersJson(bytes: Buffer, format: RecordFormat): string {
  let json = "";
  for (let at = cursor.headersStart; at < cursor.headersEnd; ) {
    at = cursor.header(at);
    const name = stringJson(bytes, cursor.nameStart, cursor.nameEnd, format);
    const value = stringJson(bytes, cursor.valueStart, cursor.valueEnd, format);
    json += json === "" ? `[${name},${value}]` : `,[${name},${value}]`;
  }
  return json;
}

function stringJson(bytes: Buffer, start: number, end: number, format: RecordFormat): string {
  if (format === "base64") return `"${bytes.toString("base64", start, end)}"`;
  // Bytes that are not UTF-8 become replacement characters.
  return JSON.stringify(bytes.toString("utf8", start, end));
}
