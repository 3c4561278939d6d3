// The one who puts an owner's manifest versions, one after another: whoever wants something changed says what, and has his turn. A version counts once
// it was seen newest; another's in its place, or on top of it, means that this owner is deposed (docs/protocol.md).
import type { ObjectStore } from "../object-store/index.ts";
import type { Runtime } from "../runtime/index.ts";
import { DeposedError } from "./deposed.ts";
import { manifestKey } from "./keys.ts";
import { decodeManifest, encodeManifest, type Manifest, manifestVersions, type Segment } from "./manifest.ts";
import type { OwnerRequests } from "./owner-requests.ts";

/** What an owner may change; the rest follows from whose version it is, and which. */
export type ManifestChange = Partial<Pick<Manifest, "logStart" | "inForce" | "clockMs" | "segments" | "basins">>;

export interface ManifestWriterOptions {
  readonly runtime: Runtime;
  readonly store: ObjectStore;
  readonly requests: OwnerRequests;
  readonly shard: number;
  /** The marker of this owner's epoch. */
  readonly manifest: Manifest;
  /** A segment with what is known of it by now. */
  readonly measured: (segment: Segment) => Segment;
  /** Called before each version is put. */
  readonly beforePut: () => Promise<void>;
  /** A version is in and was seen newest, among these. */
  readonly onConfirmed: (manifest: Manifest, versions: readonly number[]) => void;
}

export class ManifestWriter {
  readonly #options: ManifestWriterOptions;
  #manifest: Manifest;
  #nextSegment: number;
  /** Settles, and never fails, when the turns that were asked for are over. */
  #turns: Promise<unknown> = Promise.resolve();

  constructor(options: ManifestWriterOptions) {
    this.#options = options;
    this.#manifest = options.manifest;
    this.#nextSegment = options.manifest.nextSegment;
  }

  /** The version in force: the last of this owner's that was seen newest. */
  get manifest(): Manifest {
    return this.#manifest;
  }

  /** A number for a segment that no other of this shard has, or will have. */
  takeSegmentNumber(): number {
    return this.#nextSegment++;
  }

  /** Puts the version that `change` makes of the one in force when its turn has come. True once it was seen newest; false when the owner has
   * stopped. Errors: DeposedError, CorruptObjectError, what `change` throws; after any of them the owner must stop. */
  publish(change: (before: Manifest) => ManifestChange): Promise<boolean> {
    const turn = this.#turns.then(() => this.#publish(change));
    this.#turns = turn.catch(() => undefined);
    return turn;
  }

  async #publish(change: (before: Manifest) => ManifestChange): Promise<boolean> {
    const { store, requests, shard, measured, beforePut, onConfirmed } = this.#options;
    if (requests.stopped) return false;
    await beforePut();
    const before = this.#manifest;
    const changed = { ...before, ...change(before) };
    const manifest: Manifest = {
      ...changed,
      segments: changed.segments.map(measured),
      version: before.version + 1,
      predecessor: before.version,
      nextSegment: this.#nextSegment,
    };
    const key = manifestKey(shard, manifest.version);
    const bytes = encodeManifest(manifest);
    const assertOwn = async () => {
      const found = await requests.untilAnswered(() => store.get(key), key);
      if (Buffer.compare(found, bytes) !== 0) await this.#isDeposedBy(manifest.version);
    };
    if (!(await requests.put(key, [bytes], "manifest", assertOwn))) return false;
    const versions = await requests.untilAnswered(() => manifestVersions(store, shard), key);
    if (requests.stopped) return false;
    const newest = versions.at(-1) ?? manifest.version;
    if (newest > manifest.version) await this.#isDeposedBy(newest);
    this.#manifest = manifest;
    onConfirmed(manifest, versions);
    return true;
  }

  /** Another's manifest stands where only this owner's may. */
  async #isDeposedBy(version: number): Promise<never> {
    const { runtime, store, requests, shard } = this.#options;
    const key = manifestKey(shard, version);
    const theirs = decodeManifest(key, version, await requests.untilAnswered(() => store.get(key), key));
    runtime.branches.reached("deposed-by-manifest");
    const { epoch, incarnation } = theirs;
    throw new DeposedError({ shard, found: { kind: "manifest", number: version }, epoch, incarnation });
  }
}
