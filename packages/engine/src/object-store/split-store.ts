// Two stores as one: some keys lie in another store than the rest, under names of their own. Routes each request, and merges listings. Promises no
// more than each of the two does by itself: requests to both are as independent of each other as requests for two keys of one store.
import { checkDeleteKeys, checkKey } from "./key.ts";
import { type DeletedMany, MAX_LIST_KEYS, type ObjectStore } from "./object-store.ts";
import type { ListedObject, StoreView } from "./store-view.ts";

/** Which keys lie in the other store. */
export interface Route {
  has(key: string): boolean;
  /** Whether some key with this prefix may. */
  mayHave(prefix: string): boolean;
  /** What stands before such a key in the other store. */
  readonly base: string;
}

/** What looking at a store takes. */
type Reads = Pick<ObjectStore, "description" | "get" | "getRange" | "list">;

class SplitReads<S extends Reads> {
  protected readonly main: S;
  protected readonly other: S;
  protected readonly route: Route;

  constructor(main: S, other: S, route: Route) {
    this.main = main;
    this.other = other;
    this.route = route;
  }

  get description(): string {
    const { main, other } = this;
    return main.description === other.description
      ? main.description
      : `${main.description} with its log in ${other.description}`;
  }

  get(key: string): Promise<Uint8Array> {
    return this.of(key).get(this.nameOf(key));
  }

  getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    return this.of(key).getRange(this.nameOf(key), offset, length);
  }

  list(prefix: string, after = ""): Promise<string[]> {
    return this.pageOf(prefix, after, (store, ...where) => store.list(...where), {
      keyOf: (key) => key,
      renamed: (_, key) => key,
    });
  }

  protected of(key: string): S {
    return this.route.has(key) ? this.other : this.main;
  }

  protected nameOf(key: string): string {
    checkKey(key);
    return this.route.has(key) ? this.route.base + key : key;
  }

  /** A page of both stores' keys, in order. Empty only where both have come to their end. */
  protected async pageOf<T>(
    prefix: string,
    after: string,
    list: (store: S, prefix: string, after: string) => Promise<T[]>,
    { keyOf, renamed }: { keyOf: (item: T) => string; renamed: (item: T, key: string) => T },
  ): Promise<T[]> {
    const { main, other, route } = this;
    if (!route.mayHave(prefix)) return list(main, prefix, after);
    const ofOther = async (from: string) => {
      const page = await list(other, route.base + prefix, from === "" ? "" : route.base + from);
      return page.map((item) => renamed(item, keyOf(item).slice(route.base.length)));
    };
    for (let from = after; ; ) {
      const pages = await Promise.all([route.has(prefix) ? [] : list(main, prefix, from), ofOther(from)]);
      // What stands behind the end of a page is not known of its store yet.
      const ends = pages.flatMap((page) => page.slice(-1)).map(keyOf);
      if (ends.length === 0) return [];
      const [until] = ends.toSorted();
      const [here, there] = pages;
      const items = [
        ...here.filter((item) => !route.has(keyOf(item)) && !(main === other && keyOf(item).startsWith(route.base))),
        ...there.filter((item) => route.has(keyOf(item))),
      ].filter((item) => keyOf(item) <= until);
      if (items.length > 0) return items.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)).slice(0, MAX_LIST_KEYS);
      from = until;
    }
  }
}

export class SplitStore extends SplitReads<ObjectStore> implements ObjectStore {
  /** To do anything takes both: a lock on either keeps everybody else out. */
  get exclusive(): boolean {
    return this.main.exclusive || this.other.exclusive;
  }

  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.of(key).putIfAbsent(this.nameOf(key), parts);
  }

  put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.of(key).put(this.nameOf(key), parts);
  }

  delete(key: string): Promise<void> {
    return this.of(key).delete(this.nameOf(key));
  }

  async deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    const { main, other, route } = this;
    checkDeleteKeys(keys);
    const there = keys.filter((key) => route.has(key));
    if (there.length === 0) return main.deleteMany(keys);
    const ofOther = async (): Promise<DeletedMany> => {
      const { undeleted, requests } = await other.deleteMany(there.map((key) => route.base + key));
      return { undeleted: undeleted.map(({ key, error }) => ({ key: key.slice(route.base.length), error })), requests };
    };
    if (there.length === keys.length) return ofOther();
    const here = keys.filter((key) => !route.has(key));
    const deleted = await Promise.all([main.deleteMany(here), ofOther()]);
    return {
      undeleted: deleted.flatMap(({ undeleted }) => undeleted),
      requests: deleted.reduce((sum, { requests }) => sum + requests, 0),
    };
  }

  /** Closes both. */
  close(): Promise<void> {
    return closeBoth(this.main, this.other);
  }
}

export class SplitView extends SplitReads<StoreView> implements StoreView {
  listObjects(prefix: string, after = ""): Promise<ListedObject[]> {
    return this.pageOf(prefix, after, (view, ...where) => view.listObjects(...where), {
      keyOf: ({ key }) => key,
      renamed: ({ bytes }, key) => ({ key, bytes }),
    });
  }

  /** Closes both. */
  close(): Promise<void> {
    return closeBoth(this.main, this.other);
  }
}

type Closing = Pick<ObjectStore, "close">;

async function closeBoth(main: Closing, other: Closing): Promise<void> {
  const closed = await Promise.allSettled(main === other ? [main.close()] : [main.close(), other.close()]);
  for (const outcome of closed) if (outcome.status === "rejected") throw outcome.reason;
}
