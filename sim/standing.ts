// Where things of unknown outcome stand in the log, as far as its objects show: records, and the ends of streams. A hint for the checker, which
// believes none of it.
import type { History, RecordId, Standing } from "./check/history.ts";
import { BASIN_REMOVED, CREATED, DELETED, entriesInForce, RECORDS } from "./world/log-entries.ts";
import type { Sealing } from "./world/process-runtime.ts";

/** What a log says. Positions are bytes of what was written to it, void chunks left out. */
interface Log {
  readonly batches: readonly LoggedBatch[];
  /** By name: where each incarnation of a stream ended; undefined for one that did not. */
  readonly ends: ReadonlyMap<string, readonly (number | undefined)[]>;
}

export interface LoggedBatch {
  readonly at: number;
  /** Encrypted, where it is sealed. */
  readonly bytes: Buffer;
  readonly isSealed: boolean;
}

/** Finds which records of `wanted` stand in batches, and where: at the batch's place, or a byte's within it. */
export type RecordFinder = (
  batches: readonly LoggedBatch[],
  wanted: ReadonlySet<RecordId>,
) => ReadonlyMap<RecordId, number>;

/** `logged`: by key, all objects that ever stood in the log; what is collected by now, too: a stream that was gone by then is in no segment. */
export function standing(history: History, logged: ReadonlyMap<string, Uint8Array>, find: RecordFinder): Standing {
  const log = readLog(logged);
  return { records: find(log.batches, unknownRecords(history)), ends: endsIn(log, history) };
}

function readLog(logged: ReadonlyMap<string, Uint8Array>): Log {
  const batches: LoggedBatch[] = [];
  const ends = new Map<string, (number | undefined)[]>();
  const streams = new Map<string, { basin: string; isSealed: boolean; end(at: number): void }>();
  let at = 0;
  for (const { kind, streamId, payload } of entriesInForce(logged)) {
    at += 1 + payload.length;
    const stream = streams.get(streamId);
    if (kind === RECORDS) batches.push({ at, bytes: payload, isSealed: stream?.isSealed === true });
    else if (kind === DELETED) stream?.end(at);
    else if (kind === BASIN_REMOVED) for (const each of streams.values()) if (each.basin === streamId) each.end(at);
    if (kind !== CREATED) continue;
    const created = JSON.parse(payload.toString()) as { basinId: string; name: string; cipher: string | null };
    const incarnations = ends.get(created.name) ?? [];
    ends.set(created.name, incarnations);
    const index = incarnations.push(undefined) - 1;
    streams.set(streamId, {
      basin: created.basinId,
      isSealed: created.cipher !== null,
      end: (position) => {
        incarnations[index] ??= position;
      },
    });
  }
  return { batches, ends };
}

function unknownRecords(history: History): Set<RecordId> {
  const unknown = new Set<RecordId>();
  for (const { call, answer } of history)
    if (call.kind === "append" && answer.kind === "unknown") for (const { id } of call.records) unknown.add(id);
  return unknown;
}

/** Finds the records of the simulator's clients: a body begins with its record's id and a mark, which nothing else of it contains (`clients/records.ts`). */
export function markedRecords(sealings: readonly Sealing[]): RecordFinder {
  return (batches, wanted) => {
    const lengths = new Set([...wanted].map((id) => id.length));
    const found = new Map<RecordId, number>();
    const find = (bytes: Buffer, place: (id: RecordId, at: number) => void) => {
      for (let at = bytes.indexOf("~"); at >= 0; at = bytes.indexOf("~", at + 1))
        for (const length of lengths) {
          const id = bytes.toString("latin1", Math.max(0, at - length), at);
          if (wanted.has(id)) place(id, at);
        }
    };
    for (const { at, bytes } of batches) find(bytes, (id, offset) => found.set(id, at + offset));
    const sealed = batches.filter(({ isSealed }) => isSealed);
    for (const { nonce, plain } of sealings)
      find(Buffer.from(plain), (id) => {
        const batch = sealed.find(({ bytes }) => bytes.includes(nonce));
        if (batch !== undefined) found.set(id, batch.at + batch.bytes.indexOf(nonce));
      });
    return found;
  };
}

/** By what histories call a stream. */
function endsIn({ ends }: Log, history: History): Map<string, readonly (number | undefined)[]> {
  const byStream = new Map<string, readonly (number | undefined)[]>();
  for (const { stream } of history) {
    const name = stream.slice(stream.indexOf("/") + 1);
    if (!byStream.has(stream)) byStream.set(stream, ends.get(name) ?? []);
  }
  return byStream;
}
