import { createS2Log, type Machine, Replica } from "@tailrace/replica";

interface Request {
  readonly lock: string;
  readonly client: string;
  readonly release?: boolean;
}

/** Who holds which lock. Only the leader writes: it alone decides who waits how long. */
const locks: Machine<Map<string, string>, Request, boolean> = {
  name: "locks",
  version: 1,
  singleWriter: true,
  initial: () => new Map(),
  encode: (request) => new TextEncoder().encode(JSON.stringify(request)),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)),
  apply(held, { lock, client, release }) {
    const holder = held.get(lock);
    if (holder !== undefined && holder !== client) return false;
    if (release === true) held.delete(lock);
    else held.set(lock, client);
    return true;
  },
};

/** One of the processes that offer the service; it serves once it leads, until it is deposed. */
export async function serve(url: string, name: string) {
  const client = { accessToken: "any", endpoints: { account: url, basin: url } };
  const log = await createS2Log({ client, basin: "my-first-basin", stream: "locks" });
  const replica = await Replica.open(locks, { log });
  const leadership = await replica.lead({ holder: name, leaseMs: 2000 });
  leadership.lost.then(({ message }) => console.log(`${name} leads no more: ${message}`));
  return {
    acquire: async (lock: string, client: string) => (await leadership.propose({ lock, client })).result,
    release: async (lock: string, client: string) => (await leadership.propose({ lock, client, release: true })).result,
    holder: (lock: string) => replica.read((held) => held.get(lock)),
    /** Lets the next one lead at once; without it, the next one waits for the lease. */
    async stop() {
      await leadership.resign();
      await replica.close();
    },
  };
}
