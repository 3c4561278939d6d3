// Looks at manifests and fences as they come to stand in the bucket, and at whatever is deleted, and holds them to what the protocol rests on
// (docs/protocol.md): nothing goes that the manifest in force needs, fences and markers stay for ever, epochs never go back, and no record is in
// two segments. Changes nothing.
import type { Lane } from "./scheduler.ts";
import { runsOf } from "./segment-runs.ts";

/** What a manifest version says, as far as it matters here. */
interface Manifest {
  readonly epoch: number;
  readonly logStart: number;
  readonly isMarker: boolean;
  /** Places of the fences in the log before its start. */
  readonly fences: ReadonlySet<number>;
  /** The keys of the segments that it names end in these. */
  readonly segments: ReadonlySet<string>;
}

const WAL = /^shards\/0\/wal\/([0-9]{16})$/;
const MANIFEST = /^shards\/0\/manifest\/([0-9]{16})$/;
const SEGMENT = /^shards\/0\/segments\/(.+)$/;
const DIGITS = 16;

export class CollectionWatch {
  readonly #onViolation: (what: string) => void;
  readonly #onManifest: () => void;
  /** Those that stand, by version. */
  readonly #manifests = new Map<number, Manifest>();
  /** Versions that are markers: taken for good. */
  readonly #markers = new Set<number>();
  /** Of every segment that ever stood there, by the end of its key: the records that its runs begin with. */
  readonly #runs = new Map<string, readonly string[]>();

  /** `onManifest`: one has come to stand. */
  constructor(onViolation: (what: string) => void, onManifest: () => void = () => undefined) {
    this.#onViolation = onViolation;
    this.#onManifest = onManifest;
  }

  /** An object has come to stand where none was. */
  landed(process: Lane, key: string, bytes: Uint8Array): void {
    const version = numberIn(MANIFEST, key);
    if (version !== undefined) this.#manifestLanded(process, key, version, bytes);
    const segment = SEGMENT.exec(key)?.[1];
    if (segment !== undefined) this.#runs.set(segment, runsOf(bytes));
  }

  #manifestLanded(process: Lane, key: string, version: number, bytes: Uint8Array): void {
    const manifest = parse(version, bytes);
    const newest = this.#newest();
    if (newest !== undefined && version > newest && manifest.epoch < this.#epochOf(newest))
      this.#onViolation(`${process.name} puts ${key}, of an older epoch, on top of version ${newest}`);
    const twice = this.#inTwoOf(manifest.segments);
    if (twice !== undefined)
      this.#onViolation(`${process.name} puts ${key}, which names two segments with record ${twice}`);
    this.#manifests.set(version, manifest);
    // A sleeping taker's may come into a collected version: its taker finds a newer one, and starts over.
    if (manifest.isMarker && (newest === undefined || version > newest)) this.#markers.add(version);
    this.#onManifest();
  }

  /** A record that more than one of these segments has, if there is one. */
  #inTwoOf(segments: ReadonlySet<string>): string | undefined {
    const seen = new Set<string>();
    for (const segment of segments)
      for (const run of this.#runs.get(segment) ?? []) {
        if (seen.has(run)) return run;
        seen.add(run);
      }
    return undefined;
  }

  /** A delete arrives; whether the object is still there does not matter. */
  deletes(process: Lane, key: string): void {
    const why = this.#whyNeeded(key);
    if (why !== undefined) this.#onViolation(`${process.name} deletes ${key}, ${why}`);
    const version = numberIn(MANIFEST, key);
    if (version !== undefined) this.#manifests.delete(version);
  }

  #whyNeeded(key: string): string | undefined {
    const newest = this.#newest();
    const inForce = newest === undefined ? undefined : this.#manifests.get(newest);
    const place = numberIn(WAL, key);
    if (place !== undefined) {
      // One that was put into a collected place is none of the log's.
      if (inForce?.fences.has(place) === true) return "a fence";
      return place < (inForce?.logStart ?? 0) ? undefined : "which the log in force has not left behind";
    }
    const version = numberIn(MANIFEST, key);
    if (version !== undefined) {
      if (this.#markers.has(version)) return "a marker";
      return version === newest ? "the manifest in force" : undefined;
    }
    const segment = SEGMENT.exec(key)?.[1];
    if (segment === undefined) return "which nobody may delete";
    return inForce?.segments.has(segment) === true ? "which the manifest in force names" : undefined;
  }

  #newest(): number | undefined {
    let newest: number | undefined;
    for (const version of this.#manifests.keys()) if (newest === undefined || version > newest) newest = version;
    return newest;
  }

  #epochOf(version: number): number {
    return this.#manifests.get(version)?.epoch ?? 0;
  }
}

function numberIn(pattern: RegExp, key: string): number | undefined {
  const digits = pattern.exec(key)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** What owners put is a line of JSON (docs/format.md). */
function parse(version: number, bytes: Uint8Array): Manifest {
  const [line] = Buffer.from(bytes).toString().split("\n");
  const { epoch, logStart, fences, markers, segments } = JSON.parse(line) as {
    readonly epoch: number;
    readonly logStart: number;
    readonly fences: readonly number[];
    readonly markers: readonly number[];
    readonly segments: readonly { readonly epoch: number; readonly incarnation: string; readonly number: number }[];
  };
  return {
    epoch,
    logStart,
    fences: new Set(fences),
    isMarker: markers.includes(version),
    segments: new Set(segments.map((each) => `${padded(each.epoch)}-${each.incarnation}-${padded(each.number)}`)),
  };
}

function padded(number: number): string {
  return String(number).padStart(DIGITS, "0");
}
