// What can stand in a place of the log, as one number: nothing, a chunk, a fence, or a release. And who wrote a manifest version.
import { CHUNKS_PER_PROCESS, PROCESSES } from "./state.ts";

/** What a mutant puts where the first chunk of A belongs. */
export const OTHER_BYTES = 1 + PROCESSES * CHUNKS_PER_PROCESS;
const FENCES_FROM = 16;
const RELEASES_FROM = 64;
/** Epochs are below this. */
const EPOCHS = 8;

/** The k-th chunk of a process. All chunks are different. */
export function chunkOf(process: number, k: number): number {
  return 1 + process * CHUNKS_PER_PROCESS + k;
}

export function fenceOf(process: number, epoch: number): number {
  if (epoch >= EPOCHS) throw new Error("the bounds allow more epochs than a fence can hold");
  return FENCES_FROM + process * EPOCHS + epoch;
}

export function releaseOf(process: number): number {
  return RELEASES_FROM + process;
}

export function isChunk(cell: number): boolean {
  return cell > 0 && cell < FENCES_FROM;
}

export function isFence(cell: number): boolean {
  return cell >= FENCES_FROM && cell < RELEASES_FROM;
}

export function isRelease(cell: number): boolean {
  return cell >= RELEASES_FROM;
}

export function epochOfFence(fence: number): number {
  return (fence - FENCES_FROM) % EPOCHS;
}

/** Whose object it is. */
export function writerOf(cell: number): number {
  if (cell >= RELEASES_FROM) return cell - RELEASES_FROM;
  if (cell >= FENCES_FROM) return ((cell - FENCES_FROM) / EPOCHS) | 0;
  return cell === OTHER_BYTES ? 0 : ((cell - 1) / CHUNKS_PER_PROCESS) | 0;
}

const MARKER = 128;

/** Who wrote a manifest version, under which epoch, and whether as a marker. Never 0. */
export function signature(process: number, epoch: number, marker: boolean): number {
  return 1 + process + PROCESSES * epoch + (marker ? MARKER : 0);
}

export function isMarker(by: number): boolean {
  return by >= MARKER;
}

export function epochOfManifest(by: number): number {
  return (((by % MARKER) - 1) / PROCESSES) | 0;
}

export function writerOfManifest(by: number): number {
  return ((by % MARKER) - 1) % PROCESSES;
}
