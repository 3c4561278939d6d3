// What is at the end of a segment: the catalog, the index and the footer. Under its own checksums any damage to them is found; under repaired ones
// a segment is refused as corrupt, or all that its index tells of lies within its records.
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import {
  decodeMeta,
  SEGMENT_FOOTER_BYTES,
  type SegmentMeta,
} from "../../../packages/engine/src/segment/segment-format.ts";
import { CorruptObjectError } from "../../../packages/engine/src/shard/corrupt.ts";
import { refusable, type Target } from "../target.ts";

const KEY = "shards/0/segments/0000000000000001-00000000000000000000000000000000-0000000000000000";
/** Fields of the footer. */
const RECORDS_BYTES_AT = 40;
const CATALOG_BYTES_AT = 48;
const INDEX_CRC_AT = 56;
const FOOTER_CRC_AT = 60;

function decode(object: Uint8Array): SegmentMeta | undefined {
  return refusable(
    () => decodeMeta(KEY, metaOf(object), object.length),
    (error) => error instanceof CorruptObjectError,
  );
}

/** What follows the records, as far as the footer tells where that is. */
function metaOf(object: Uint8Array): Uint8Array {
  return object.subarray(Math.min(field(object, RECORDS_BYTES_AT), object.length));
}

/** A length in the footer, or 0 where there is no footer. */
function field(object: Uint8Array, at: number): number {
  const footerAt = object.length - SEGMENT_FOOTER_BYTES;
  return footerAt < 0 ? 0 : Number(viewOf(object).getBigUint64(footerAt + at, true));
}

/** Gives index and footer the checksums of what now stands there. */
function reseal(input: Uint8Array): Uint8Array {
  const object = Uint8Array.from(input);
  const footerAt = object.length - SEGMENT_FOOTER_BYTES;
  if (footerAt < 0) return object;
  const indexAt = Math.min(field(object, RECORDS_BYTES_AT) + field(object, CATALOG_BYTES_AT), footerAt);
  viewOf(object).setUint32(footerAt + INDEX_CRC_AT, crc32(object.subarray(indexAt, footerAt)), true);
  const footer = object.subarray(footerAt, footerAt + FOOTER_CRC_AT);
  viewOf(object).setUint32(footerAt + FOOTER_CRC_AT, crc32(footer), true);
  return object;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

function assertWithinBounds({ footer, streams }: SegmentMeta): void {
  let end = 0;
  for (const { runs } of streams)
    for (const run of runs) {
      assert.ok(run.offset === end && run.end >= end && run.end <= footer.recordsBytes);
      end = run.end;
    }
}

export function segmentTargets(corpusOf: (name: string) => readonly Uint8Array[]): readonly Target[] {
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const originals = new Set(corpusOf("segment").map((object) => hex(metaOf(object))));
  return [
    {
      name: "segment",
      run(input) {
        // Records have checksums of their own, which a reader looks at.
        const decoded = decode(input);
        if (decoded !== undefined)
          assert.ok(originals.has(hex(metaOf(input))), "a damaged segment passed its checksums");
        const repaired = decode(reseal(input));
        for (const meta of [decoded, repaired]) if (meta !== undefined) assertWithinBounds(meta);
      },
    },
  ];
}
