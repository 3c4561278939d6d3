// Which records stand in a segment, run by run (docs/format.md), for whoever looks at the bucket from outside. Believes that owners wrote what
// they should, and knows nothing of the engine.

const FOOTER_BYTES = 64;
/** Fields of the footer. */
const STREAMS_AT = 36;
const RECORDS_BYTES_AT = 40;
const CATALOG_BYTES_AT = 48;
/** What stands in the index before the runs of each stream, and each run. */
const STREAM_ID_BYTES = 16;
const STREAM_BYTES = 20;
const RUN_BYTES = 40;

/** The first record of each run, as stream and sequence number: a text for each. */
export function runsOf(object: Uint8Array): string[] {
  const bytes = Buffer.from(object.buffer, object.byteOffset, object.byteLength);
  const footer = bytes.subarray(-FOOTER_BYTES);
  let at = Number(footer.readBigUInt64LE(RECORDS_BYTES_AT) + footer.readBigUInt64LE(CATALOG_BYTES_AT));
  const runs: string[] = [];
  for (let streams = footer.readUInt32LE(STREAMS_AT); streams > 0; streams -= 1) {
    const id = bytes.toString("hex", at, at + STREAM_ID_BYTES);
    const end = at + STREAM_BYTES + RUN_BYTES * bytes.readUInt32LE(at + STREAM_ID_BYTES);
    for (at += STREAM_BYTES; at < end; at += RUN_BYTES) runs.push(`${bytes.readBigUInt64LE(at)} of stream ${id}`);
  }
  return runs;
}
