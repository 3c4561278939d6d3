// A server, its store, and everything between them and their clients, with the faults that each kind of store can have.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Random } from "../../sim/check/testing/random.ts";
import { ConnectionProxy } from "./connection-proxy.ts";
import { LogTap } from "./log-tap.ts";
import type { Fault } from "./nemesis.ts";
import { ServerGroup } from "./server-group.ts";
import { SmallDisk } from "./small-disk.ts";
import { STORE_FAULTS, StoreProxy } from "./store-proxy.ts";
import type { Tally } from "./tally.ts";
import { startVersitygw, VERSITYGW_MISSING } from "./versitygw.ts";

/** Under the store's own directory. */
const LOG = join("shards", "0", "wal");
const DISK_BYTES = 128 * 1024 * 1024;
/** Longer than a lease and its margin, now and then. */
const LONGEST_FREEZE_MS = 3_000;
const LONGEST_OUTAGE_MS = 1_500;
const SLOW_CONNECTION_MS = 150;
/** Time for the new owner to acknowledge what the old one does not know. */
const AFTER_TAKEOVER_MS = 500;

export interface World {
  /** Where clients connect. The same whoever serves. */
  readonly url: string;
  readonly servers: ServerGroup;
  readonly faults: readonly Fault[];
  readonly log: LogTap;
  /** What this machine does not permit. */
  readonly missing: readonly string[];
  /** Ends all faults: one server serves, its store is well. */
  heal(): Promise<void>;
  /** Ends and removes everything. */
  close(): Promise<void>;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** What can happen on every store. */
function commonFaults(servers: ServerGroup, connections: ConnectionProxy): Fault[] {
  const some = (random: Random) => () => random.chance(0.4);
  return [
    { name: "kill -9", happen: async () => void (await servers.restart()) },
    {
      name: "freeze",

      happen: async (random) => void (await servers.freeze(random.fraction() ** 2 * LONGEST_FREEZE_MS)),
    },
    { name: "connection cut", happen: async (random) => connections.cut(some(random)) },
    { name: "connection lost replies", happen: async (random) => connections.loseReplies(some(random)) },
    {
      name: "connections slow",

      happen: async (random) => {
        connections.delayMs = random.fraction() * SLOW_CONNECTION_MS;
        await sleep(random.fraction() * LONGEST_OUTAGE_MS);
        connections.delayMs = 0;
        return undefined;
      },
    },
  ];
}

/** On the file store: on a small disk that fills up, where that is permitted. */
export async function fileWorld(random: Random): Promise<World> {
  const disk = SmallDisk.mount(DISK_BYTES);
  const directory = disk?.directory ?? mkdtempSync(join(tmpdir(), "tailrace-faults-"));
  const servers = new ServerGroup({ store: `file:${join(directory, "data")}` }, random);
  const connections = await ConnectionProxy.start(() => servers.target());
  const log = new LogTap(join(directory, "data", LOG));
  await servers.start();
  const faults = commonFaults(servers, connections);
  if (disk !== undefined) {
    faults.push({
      name: "disk full",

      happen: async (chance) => {
        disk.fill();
        await sleep(chance.fraction() * LONGEST_OUTAGE_MS);
        disk.free();
        return undefined;
      },
    });
  }
  return {
    url: connections.url,
    servers,
    faults,
    log,
    missing: disk === undefined ? ["full disks: mounting a small file system is not permitted here"] : [],
    heal: async () => {
      disk?.free();
      await servers.settle();
    },
    close: async () => {
      log.close();
      await servers.kill();
      await connections.stop();
      if (disk !== undefined) disk.unmount();
      else rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** On a real S3 server behind a proxy; several processes may believe that they own the store. Throws where there is none. */
export async function s3World(random: Random, tally: Tally): Promise<World> {
  const s3 = await startVersitygw();
  if (s3 === undefined) throw new Error(VERSITYGW_MISSING);
  const proxy = await StoreProxy.start(s3.endpoint, random.fork(), tally);
  const env = { ...s3.env, AWS_ENDPOINT_URL: proxy.url };
  const servers = new ServerGroup({ store: `s3://${s3.bucket}/faults`, env }, random);
  const connections = await ConnectionProxy.start(() => servers.target());
  const log = new LogTap(join(s3.directory, s3.bucket, "faults", LOG));
  await servers.start();
  const faults: Fault[] = [
    ...commonFaults(servers, connections),
    { name: "takeover", happen: async () => void (await servers.takeOver()) },
    {
      name: "takeover from a frozen owner",
      happen: async (chance) => {
        await servers.takeOverFromFrozen(async () => {
          // Whoever waits for the frozen one goes on elsewhere, or asks it again: when it wakes up, it finds what it must not answer.
          connections.cut(() => chance.chance(0.8));
          await sleep(AFTER_TAKEOVER_MS + chance.fraction() * LONGEST_OUTAGE_MS);
        });
        return undefined;
      },
    },
    {
      name: "store calls fail",

      happen: async (chance) => {
        proxy.faults = STORE_FAULTS.filter(() => chance.chance(0.5));
        if (proxy.faults.length === 0) proxy.faults = STORE_FAULTS;
        proxy.likelihood = chance.fraction() * 0.6;
        await sleep(chance.fraction() * LONGEST_OUTAGE_MS * 2);
        proxy.likelihood = 0;
        return undefined;
      },
    },
    {
      name: "store hangs",

      happen: async (chance) => {
        s3.pause();
        await sleep(chance.fraction() * LONGEST_OUTAGE_MS);
        s3.resume();
        return undefined;
      },
    },
    {
      name: "store is gone",

      happen: async (chance) => {
        await s3.kill();
        await sleep(chance.fraction() * LONGEST_OUTAGE_MS);
        await s3.restart();
        return undefined;
      },
    },
  ];
  return {
    url: connections.url,
    servers,
    faults,
    log,
    missing: [],
    heal: async () => {
      proxy.likelihood = 0;
      await servers.settle();
    },
    close: async () => {
      log.close();
      await servers.kill();
      await connections.stop();
      await proxy.stop();
      await s3.stop();
    },
  };
}
