// Which of a store's records can still be read, and which only take up space. Gathers what a look is told, by blocks of RUN_BYTES or so, and decides
// when all is known: a trim or a deletion stands behind what it hides.
import { RUN_BYTES } from "../limits.ts";
import type { SegmentMeta } from "../segment/segment-format.ts";
import {
  CHUNK_HEADER_BYTES,
  EntryKind,
  entryBytes,
  entryCount,
  entryFirstSeqNum,
  entryKind,
  entryStreamId,
} from "../shard/chunk-format.ts";
import type { BookedStream } from "./stream-book.ts";
import type { SurveyVisitor } from "./survey.ts";

/** Records of one stream that lie together. */
interface Block {
  /** The sequence number after its last. */
  endSeqNum: number;
  bytes: number;
}

export interface LiveBytes {
  /** Of records that can be read. A block counts as a whole as long as one of its records can. */
  readonly live: number;
  /** Of records that are trimmed, or whose streams are gone. */
  readonly dead: number;
}

export class Liveness implements SurveyVisitor {
  /** By the stream's id in hexadecimal, in order. */
  readonly #blocks = new Map<string, Block[]>();

  segment(_key: string, { catalog, streams }: SegmentMeta): void {
    const tails = new Map<string, number>();
    for (let at = 0; at < catalog.length; at += entryBytes(catalog, at))
      if (entryKind(catalog, at) === EntryKind.stream) tails.set(idAt(catalog, at), entryFirstSeqNum(catalog, at));
    for (const { id, runs } of streams) {
      const stream = hexOf(id);
      for (const [i, run] of runs.entries()) {
        const endSeqNum = runs[i + 1]?.firstSeqNum ?? tails.get(stream) ?? run.firstSeqNum + 1;
        this.#of(stream).push({ endSeqNum, bytes: run.end - run.offset });
      }
    }
  }

  chunk(_place: number, bytes: Uint8Array): void {
    for (let at = CHUNK_HEADER_BYTES; at < bytes.length; at += entryBytes(bytes, at)) {
      if (entryKind(bytes, at) !== EntryKind.records) continue;
      const blocks = this.#of(idAt(bytes, at));
      const endSeqNum = entryFirstSeqNum(bytes, at) + entryCount(bytes, at);
      const last = blocks.at(-1);
      if (last === undefined || last.bytes + entryBytes(bytes, at) > RUN_BYTES)
        blocks.push({ endSeqNum, bytes: entryBytes(bytes, at) });
      else {
        last.endSeqNum = endSeqNum;
        last.bytes += entryBytes(bytes, at);
      }
    }
  }

  /** `streams`: those that are there in the end, by id in hexadecimal. */
  decide(streams: ReadonlyMap<string, Pick<BookedStream, "trimPoint">>): LiveBytes {
    let live = 0;
    let dead = 0;
    for (const [id, blocks] of this.#blocks) {
      const stream = streams.get(id);
      for (const { endSeqNum, bytes } of blocks)
        if (stream !== undefined && endSeqNum > stream.trimPoint) live += bytes;
        else dead += bytes;
    }
    return { live, dead };
  }

  #of(stream: string): Block[] {
    let blocks = this.#blocks.get(stream);
    if (blocks === undefined) {
      blocks = [];
      this.#blocks.set(stream, blocks);
    }
    return blocks;
  }
}

function idAt(bytes: Uint8Array, at: number): string {
  return hexOf(entryStreamId(bytes, at));
}

function hexOf(id: Uint8Array): string {
  return Buffer.from(id).toString("hex");
}
