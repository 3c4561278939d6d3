// What is written as a segment is read back the same, and no damage to it is believed.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  entryBytes,
  entryFirstSeqNum,
  entryIsOf,
  entryStreamId,
  sealEntry,
  verifyEntries,
} from "../shard/chunk-format.ts";
import { CorruptObjectError } from "../shard/corrupt.ts";
import { SegmentBuilder } from "./segment-builder.ts";
import { mayHaveId, mayHaveName, nameBlockOf, streamBlockOf } from "./segment-directory.ts";
import { decodeMeta, decodeStreams, decodeTail, SEGMENT_FOOTER_BYTES } from "./segment-format.ts";
import { decodeNames } from "./segment-names.ts";

const KEY = "a-segment";
const FIRST_SEQ_NUM = 2 ** 40;
const MAX_SPAN_MS = 1_000;
const BASIN_ID = "ba".repeat(16);
const INCARNATION = new Uint8Array(16).fill(7);

interface Batch {
  readonly count: number;
  readonly payloadBytes: number;
  readonly arrivedMs: number;
}

function idOf(stream: number): Uint8Array {
  return new Uint8Array(16).fill(stream);
}

function entryOf(id: Uint8Array, firstSeqNum: number, batch: Batch): Uint8Array {
  const bytes = new Uint8Array(ENTRY_HEADER_BYTES + batch.payloadBytes).fill(firstSeqNum);
  sealEntry(
    bytes,
    0,
    bytes.length,
    EntryKind.records,
    batch.count,
    3 * batch.count,
    id,
    firstSeqNum,
    firstSeqNum,
    1 << 30,
  );
  return bytes;
}

/** A segment of these streams' batches, with a word on each stream in its catalog. */
function build(streams: readonly (readonly Batch[])[]) {
  const builder = new SegmentBuilder();
  streams.forEach((batches, stream) => {
    builder.beginStream(idOf(stream), MAX_SPAN_MS);
    let seqNum = FIRST_SEQ_NUM;
    for (const batch of batches) {
      const entry = entryOf(idOf(stream), seqNum, batch);
      builder.addRecords(entry, 0, entry.length, batch.arrivedMs);
      seqNum += batch.count;
    }
  });
  streams.forEach((_, stream) => {
    const told = {
      basinId: BASIN_ID,
      name: `s${9 - stream}`,
      createdAtMs: 5,
      deletedAtMs: null,
      dueMs: 1_000 + stream,
    };
    builder.addCatalog(EntryKind.stream, idOf(stream), told, stream, 1, 2);
  });
  const built = builder.finish(3, INCARNATION, 12);
  return { built, object: Buffer.concat(built.parts) };
}

/** When each batch came in, by its first sequence number. */
function arrivalsOf(batches: readonly Batch[]): Map<number, number> {
  let seqNum = FIRST_SEQ_NUM;
  return new Map(
    batches.map(({ count, arrivedMs }) => {
      seqNum += count;
      return [seqNum - count, arrivedMs];
    }),
  );
}

const segments = fc.array(
  fc.array(
    fc.record({
      count: fc.integer({ min: 1, max: 1_000 }),
      payloadBytes: fc.integer({ min: 0, max: 30_000 }),
      arrivedMs: fc.oneof(fc.integer({ min: 1, max: 2 ** 45 }), fc.integer({ min: 2 ** 40, max: 2 ** 40 + 3_000 })),
    }),
    { maxLength: 12 },
  ),
  { maxLength: 8 },
);

function metaOf(object: Uint8Array, metaBytes: number) {
  return decodeMeta(KEY, object.subarray(object.length - metaBytes), object.length);
}

test("every record is found by the index, in runs of its own stream and no longer than a run may be", () => {
  fc.assert(
    fc.property(segments, (streams) => {
      const { built, object } = build(streams);
      assert.equal(built.bytes, object.length);
      const { footer, catalog, streams: found } = metaOf(object, built.metaBytes);
      assert.deepEqual([footer.epoch, footer.number, [...footer.incarnation]], [3, 12, [...INCARNATION]]);
      assert.equal(verifyEntries(KEY, catalog, 0, catalog.length).count, streams.length);
      assert.deepEqual(found, built.streams);
      const written = streams
        .map((batches, stream) => ({ batches, id: idOf(stream) }))
        .filter((s) => s.batches.length > 0);
      assert.equal(found.length, written.length);
      found.forEach(({ id, runs }, i) => {
        assert.deepEqual([...id], [...written[i].id]);
        const arrivals = arrivalsOf(written[i].batches);
        let metered = 0;
        let entries = 0;
        let arrivedMs = 0;
        for (const run of runs) {
          entries += verifyEntries(KEY, object, run.offset, run.end).count;
          assert.ok(entryIsOf(object, run.offset, id));
          assert.equal(entryFirstSeqNum(object, run.offset), run.firstSeqNum);
          assert.ok(run.end - run.offset <= 64 * 1024);
          metered += run.meteredBytes;
          assert.ok(run.arrivedMs - (arrivals.get(run.firstSeqNum) ?? 0) <= MAX_SPAN_MS);
          arrivedMs = Math.max(arrivedMs, run.arrivedMs);
        }
        assert.equal(entries, written[i].batches.length);
        assert.equal(
          metered,
          written[i].batches.reduce((sum, { count }) => sum + 3 * count, 0),
        );
        assert.equal(arrivedMs, Math.max(...written[i].batches.map((batch) => batch.arrivedMs)));
      });
    }),
    { numRuns: 60 },
  );
});

test("no flipped bit, cut or growth of what is read at start is believed", () => {
  const { built, object } = build([
    [{ count: 2, payloadBytes: 40, arrivedMs: 5 }],
    [],
    [{ count: 1, payloadBytes: 9, arrivedMs: 6 }],
  ]);
  const meta = object.subarray(object.length - built.metaBytes);
  const isCorrupt = (error: unknown) => error instanceof CorruptObjectError && error.key === KEY;
  for (let bit = 0; bit < 8 * meta.length; bit += 1) {
    const damaged = Uint8Array.from(meta);
    damaged[bit >> 3] ^= 1 << (bit & 7);
    // Bytes 5 to 7 of the footer are zero, and covered by its checksum like all others.
    assert.throws(() => decodeMeta(KEY, damaged, object.length), isCorrupt, `bit ${bit}`);
  }
  for (let length = 0; length < meta.length; length += 1)
    assert.throws(() => decodeMeta(KEY, meta.subarray(0, length), object.length), isCorrupt, `cut to ${length}`);
  assert.throws(() => decodeMeta(KEY, meta.subarray(1), object.length), isCorrupt);
  assert.throws(() => decodeMeta(KEY, meta, object.length + 1), isCorrupt);
  assert.throws(() => decodeMeta(KEY, new Uint8Array(SEGMENT_FOOTER_BYTES), SEGMENT_FOOTER_BYTES), isCorrupt);
});

test("a directory leads to every stream, by id and by name, and tells what is due", () => {
  const streams = Array.from({ length: 200 }, (_, i) => [{ count: 1, payloadBytes: i, arrivedMs: 5 }]);
  const { built, object } = build(streams);
  const { footer, directory } = decodeTail(KEY, object.subarray(object.length - built.tailBytes));
  const meta = metaOf(object, built.metaBytes);
  assert.deepEqual(directory, meta.directory);
  assert.equal(directory.streams, 200);
  assert.ok(directory.streamBlocks.length > 1);
  assert.equal(directory.streamBlocks[0].dueMs, 1_000);
  let falselyFound = 0;
  for (let i = 0; i < 200; i += 1) {
    const id = idOf(i);
    const key = { basinId: BASIN_ID, name: `s${9 - i}` };
    assert.ok(mayHaveId(directory, id) && mayHaveName(directory, key));
    if (mayHaveName(directory, { basinId: BASIN_ID, name: `t${i}` })) falselyFound += 1;
    const block = streamBlockOf(directory, Buffer.from(id).toString("hex")) ?? -1;
    const { catalogAt, indexAt } = directory.streamBlocks[block];
    const next = directory.streamBlocks[block + 1];
    const entries = meta.catalog.subarray(catalogAt, next?.catalogAt);
    const ids: string[] = [];
    for (let at = 0; at < entries.length; at += entryBytes(entries, at))
      ids.push(Buffer.from(entryStreamId(entries, at)).toString("hex"));
    assert.ok(ids.includes(Buffer.from(id).toString("hex")));
    const indexed = decodeStreams(
      KEY,
      object
        .subarray(footer.recordsBytes + footer.catalogBytes)
        .subarray(indexAt, next?.indexAt ?? directory.indexBytes),
      footer.recordsBytes,
    );
    assert.deepEqual(
      indexed.map((stream) => Buffer.from(stream.id).toString("hex")),
      ids,
    );
    const from = directory.nameBlocks[nameBlockOf(directory, key) ?? -1].at;
    const names = decodeNames(KEY, meta.names.subarray(from));
    assert.ok(names.some((named) => named.name === key.name && named.id === Buffer.from(id).toString("hex")));
  }
  assert.ok(falselyFound < 20, `${falselyFound} of 200 pass the filter`);
});
