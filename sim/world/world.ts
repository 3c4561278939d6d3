// Everything that a simulation happens in: time, chance, the bucket and its weather, the sites where processes run, the network.
// Decides nothing: the nemesis says what goes wrong, the clients what is asked.
import { BranchCounts } from "@tailrace/engine/runtime";
import { Bucket, type Rot } from "./bucket.ts";
import { BucketClient } from "./bucket-client.ts";
import { Chance } from "./chance.ts";
import { CollectionWatch } from "./collection-watch.ts";
import { Drift } from "./drift.ts";
import { Exchange, type RequestHead } from "./exchange.ts";
import { LogWatch } from "./log-watch.ts";
import { Connection } from "./network.ts";
import { ProcessRuntime, type Sealing } from "./process-runtime.ts";
import { QuotaWatch } from "./quota-watch.ts";
import { Lane, Scheduler } from "./scheduler.ts";
import { type ProcessSettings, SimProcess } from "./sim-process.ts";
import type { Trace } from "./trace.ts";
import { WEATHERS, type Weather } from "./weather.ts";

/** Until a client knows that it has a connection, or that nobody listens. */
const CONNECT_MS = 1;
/** A connection that breaks does so within this. */
const BREAKS_WITHIN_MS = 20_000;

/** A place where a process runs, or none: what clients know the address of. */
export interface Site {
  readonly name: string;
  process: SimProcess | undefined;
  starts: number;
  /** The weather between it and the store, where it has one of its own. */
  weather: Weather | undefined;
}

export class World {
  readonly scheduler: Scheduler;
  readonly bucket: Bucket;
  readonly branches = new BranchCounts();
  readonly sites: readonly Site[];
  /** Every process that ever ran. */
  readonly processes: SimProcess[] = [];
  readonly violations: string[] = [];
  readonly watch: LogWatch;
  readonly collection: CollectionWatch;
  readonly quota: QuotaWatch;
  /** What was sealed, for whoever judges a run. */
  readonly sealings: Sealing[] = [];
  /** What was damaged in the bucket. */
  readonly rots: Rot[] = [];
  weather: Weather = WEATHERS.calm;
  /** Told when a version of the manifest has come to stand. */
  onManifest: () => void = () => undefined;
  /** Where the log has a store of its own: the weather there. */
  logWeather: Weather = WEATHERS.calm;
  /** Whether any process's wall clock was ever set. */
  clocksJumped = false;
  /** How likely a connection is to break some time. */
  connectionBreaks = 0;
  readonly #settings: ProcessSettings;
  readonly #chance: Chance;
  readonly #networkChance: Chance;

  constructor(seed: number, trace: Trace, siteCount: number, exclusive: boolean, settings: ProcessSettings) {
    this.#settings = settings;
    this.#chance = new Chance(seed);
    this.#networkChance = this.#chance.fork();
    this.scheduler = new Scheduler(this.#chance.fork(), trace);
    this.bucket = new Bucket(exclusive);
    this.watch = new LogWatch(this.bucket, (what) => this.violation(what));
    this.collection = new CollectionWatch(
      (what) => this.violation(what),
      () => this.onManifest(),
    );
    this.quota = new QuotaWatch(settings.quotas, (what) => this.violation(what));
    this.sites = Array.from({ length: siteCount }, (_, i) => ({
      name: `site${i}`,
      process: undefined,
      starts: 0,
      weather: undefined,
    }));
  }

  /** Where the process runs that was started last, of those that still run. */
  get newest(): Site | undefined {
    const process = this.processes.findLast(({ over }) => !over);
    return process === undefined ? undefined : this.sites.find((site) => site.process === process);
  }

  violation(what: string): void {
    this.violations.push(`at ${Math.round(this.scheduler.nowMs)} ms: ${what}`);
  }

  /** Damages an object, if there is one. */
  rot(): void {
    const rot = this.bucket.rot(this.bucket.keys, this.#chance);
    if (rot === undefined) return;
    this.rots.push(rot);
    this.scheduler.note(this.bucket.lane, `${rot.key} rots: ${rot.what}`);
  }

  /** Starts a process at a site that has none. Undefined where another process holds the lock. */
  start(site: Site): SimProcess | undefined {
    if (site.process !== undefined && !site.process.over) throw new Error(`${site.name} has a process`);
    if (this.bucket.holder !== undefined && this.bucket.holder.state !== "dead") return undefined;
    site.starts += 1;
    const process = new SimProcess({
      name: `${site.name}.${site.starts}`,
      scheduler: this.scheduler,
      chance: this.#chance.fork(),
      bucket: this.bucket,
      weather: () => site.weather ?? this.weather,
      logWeather: () => site.weather ?? this.logWeather,
      watch: this.watch,
      collection: this.collection,
      quota: this.quota,
      branches: this.branches,
      settings: this.#settings,
      sealings: this.sealings,
      onViolation: (what) => this.violation(what),
    });
    site.process = process;
    this.processes.push(process);
    return process;
  }

  /** The way to the bucket of somebody who is no process of the service, and runs elsewhere. */
  visit(name: string): { readonly lane: Lane; readonly runtime: ProcessRuntime; readonly store: BucketClient } {
    const { scheduler, bucket, watch, collection, quota } = this;
    const chance = this.#chance.fork();
    const lane = new Lane(name);
    quota.started(lane, scheduler.nowMs);
    return {
      lane,
      runtime: new ProcessRuntime(
        scheduler,
        lane,
        chance.fork(),
        new Drift(chance.fork()),
        this.branches,
        this.sealings,
      ),
      store: new BucketClient({
        bucket,
        scheduler,
        lane,
        chance,
        weather: () => this.weather,
        watch,
        collection,
        quota,
        onViolation: (what) => this.violation(what),
      }),
    };
  }

  /** Sends a request to a site, its body still to come. Undefined when nobody listens there: then nothing was sent. */
  async connect(site: Site, client: Lane, request: RequestHead): Promise<Exchange | undefined> {
    const chance = this.#networkChance;
    await this.scheduler.pause(chance.delayMs(CONNECT_MS), client, "connect");
    const { process } = site;
    if (process === undefined || process.over) return undefined;
    const connection = new Connection(this.scheduler, chance, client, process.lane);
    const exchange = new Exchange(request, connection);
    this.scheduler.after(
      chance.delayMs(CONNECT_MS),
      process.lane,
      `${request.method} ${request.url} of ${client.name}`,
      () => process.accept(exchange),
    );
    if (chance.happens(this.connectionBreaks))
      this.scheduler.after(chance.between(0, BREAKS_WITHIN_MS), client, "network breaks", () => connection.break());
    return exchange;
  }
}
