// A state of the model: what stands in the store, what is on its way there, and what each process knows and intends.
// Processes are A, the first owner, and B and C, who may take over. Holds facts only; what may happen next is in rules/.
import { type Fields, layout } from "./layout.ts";

export const PROCESSES = 3;
/** Places of the log, and versions of the manifest; and a taker sends three fences at most. A step that needs more is not taken. */
export const PLACES = 12;
export const VERSIONS = 6;
export const CHUNKS_PER_PROCESS = 2;
export const SEGMENTS_PER_PROCESS = 3;

export const Phase = {
  idle: 0,
  /** Reads the log towards its end. */
  reading: 1,
  /** A fence was sent. */
  fencing: 2,
  /** The fence is in; the manifests are to be listed again. */
  fenced: 3,
  /** A marker was sent. */
  marking: 4,
  /** The marker is in; the manifests are to be listed once more. */
  marked: 5,
  waiting: 6,
  owner: 7,
  /** A release was sent; nothing is answered any more. */
  released: 8,
  /** Found out that it was deposed, gave up, or crashed. What it had sent may still arrive. */
  ended: 9,
} as const;

/** A put of a manifest version. */
export const Putting = { nothing: 0, sent: 1, landed: 2 } as const;

/** A flush: its segment is written when its manifest is sent. */
export const Flushing = { nothing: 0, sent: 1, stored: 2, confirmed: 3 } as const;

/** A collection of orphans: candidates listed, or (a mutant) the version seen newest. */
export const Orphans = { nothing: 0, begun: 1, done: 2 } as const;

/** What a manifest version says. */
const MANIFEST = {
  /** 0 where there is no such version; else see `markOf`. */
  by: 1,
  logStart: 1,
  /** The fence that is in force at `logStart`. */
  inForce: 1,
  /** The segments with all before `logStart`, as bits. */
  segments: 2,
  /** What they hold. */
  covered: 2,
  /** Places of fences, as bits. */
  fences: 2,
} as const;
const manifestLayout = layout(MANIFEST);
export type Manifest = Fields<typeof MANIFEST>;

const processLayout = layout({
  phase: 1,
  epoch: 1,
  /** Where it reads; from the fence on, the fence's place. */
  cursor: 1,
  /** The fence that is in force at the cursor. */
  inForce: 1,
  /** The highest epoch seen. */
  epochSeen: 1,
  afterRelease: 1,
  /** Where reading began, and by which manifest version. */
  loadedStart: 1,
  loadedVersion: 1,
  /** Places of chunks that it has read and would read again for whoever asks, as bits: they are in no segment that it knows. */
  read: 2,
  restarts: 1,
  fenceLanded: 1,
  /** Fences that it sent and that may still arrive: place and epoch of each (`attemptOf`). */
  attempt0: 1,
  attempt1: 1,
  attempt2: 1,
  /** Places of fences that it knows. */
  fences: 2,
  /** The chunks that it knows to be durable. */
  view: 2,
  /** Ages, in ticks, of the fence, of the lease, of a look ahead under way, and of the first attempt at each chunk: by both clocks. */
  waitMono: 1,
  waitWall: 1,
  leaseMono: 1,
  leaseWall: 1,
  lookMono: 1,
  lookWall: 1,
  chunk0Mono: 1,
  chunk0Wall: 1,
  chunk1Mono: 1,
  chunk1Wall: 1,
  /** 1 + chunks sent when a look ahead found the next place empty; its reply is under way. */
  looking: 1,
  /** The first place that it may fill. */
  start: 1,
  sent: 1,
  /** Chunks, as bits: took effect; known to be in their places. */
  landed: 1,
  stored: 1,
  acked: 1,
  /** A mutant has sent other bytes to the place of its first chunk. */
  rebound: 1,
  flushing: 1,
  flushes: 1,
  orphans: 1,
  candidates: 2,
  /** Segments that the last flush has made unreachable, as bits. */
  unreachable: 2,
  putting: 1,
  /** The last manifest version that it put, or that it is putting, is its `manifest`. */
  version: 1,
});
export type Process = ReturnType<typeof processLayout.view> & { readonly manifest: Manifest };

const storeLayout = layout({
  /** Segments that stand in the store, as bits. */
  segments: 2,
  /** Deletes that were sent, as bits: each may arrive at any time, and more than once. */
  deletedPlaces: 2,
  deletedVersions: 1,
  deletedSegments: 2,
  /** Versions where a marker has ever stood. */
  markers: 1,
  /** What clients were told, by acknowledgements and by answers. */
  told: 2,
  clockFaults: 1,
  /** Objects that the store has lost by itself. */
  losses: 1,
});

/** The parts of a state, in whole words each: the log and the store, the manifests, and each process. */
const WAL_AT = 0;
const STORE_AT = WAL_AT + PLACES;
const MANIFESTS_AT = wholeWords(STORE_AT + storeLayout.bytes);
const PROCESSES_AT = wholeWords(MANIFESTS_AT + VERSIONS * manifestLayout.bytes);
const PROCESS_BYTES = wholeWords(processLayout.bytes + manifestLayout.bytes);
const STATE_BYTES = PROCESSES_AT + PROCESSES * PROCESS_BYTES;

function wholeWords(bytes: number): number {
  return (bytes + 3) & ~3;
}

export interface Part {
  /** Where it starts, in words. */
  readonly at: number;
  readonly words: number;
}

export const PARTS: readonly Part[] = [
  part(0, MANIFESTS_AT),
  part(MANIFESTS_AT, PROCESSES_AT),
  ...Array.from({ length: PROCESSES }, (_, i) =>
    part(PROCESSES_AT + i * PROCESS_BYTES, PROCESSES_AT + (i + 1) * PROCESS_BYTES),
  ),
];

function part(fromByte: number, toByte: number): Part {
  return { at: fromByte / 4, words: (toByte - fromByte) / 4 };
}

export class State {
  readonly bytes = new Uint8Array(STATE_BYTES);
  readonly words = new Uint32Array(this.bytes.buffer);
  /** What stands in each place of the log: 0 for nothing, else a chunk, a fence or a release (cells.ts). */
  readonly wal = this.bytes.subarray(WAL_AT, WAL_AT + PLACES);
  readonly store = storeLayout.view(this.bytes, STORE_AT);
  readonly manifests: readonly Manifest[];
  readonly processes: readonly Process[];

  constructor() {
    const manifests: Manifest[] = [];
    for (let version = 0; version < VERSIONS; version += 1)
      manifests.push(manifestLayout.view(this.bytes, MANIFESTS_AT + version * manifestLayout.bytes));
    this.manifests = manifests;
    const processes: Process[] = [];
    for (let i = 0; i < PROCESSES; i += 1) {
      const at = PROCESSES_AT + i * PROCESS_BYTES;
      const process = processLayout.view(this.bytes, at);
      processes.push(Object.assign(process, { manifest: manifestLayout.view(this.bytes, at + processLayout.bytes) }));
    }
    this.processes = processes;
  }

  /** The newest manifest version's number; there always is one. */
  get newestVersion(): number {
    let version = VERSIONS - 1;
    while (this.manifests[version].by === 0) version -= 1;
    return version;
  }

  get newest(): Manifest {
    return this.manifests[this.newestVersion];
  }
}

/** Clears what is kept of a version: it is not there, or matters no more. */
export function clearManifest(manifest: Manifest): void {
  manifest.by = 0;
  manifest.logStart = 0;
  manifest.inForce = 0;
  manifest.segments = 0;
  manifest.covered = 0;
  manifest.fences = 0;
}

export function copyManifest(to: Manifest, from: Manifest): void {
  to.by = from.by;
  to.logStart = from.logStart;
  to.inForce = from.inForce;
  to.segments = from.segments;
  to.covered = from.covered;
  to.fences = from.fences;
}
