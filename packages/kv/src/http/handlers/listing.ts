// Keys in the order of their bytes, a page at a time. A page is of one state; the next one may be of a later.
import { type Entry, NEVER } from "../../state/entry.ts";
import type { Keyspace } from "../../state/keyspace.ts";
import { typeOf } from "../../state/value.ts";
import { behind, behindPrefix, type KeyRange } from "../../store/key-order.ts";
import { CONSISTENCY_PARAMETERS, consistencyOf } from "../consistency.ts";
import { ApiError } from "../errors.ts";
import { type Answer, type Exchange, json } from "../exchange.ts";
import { bytesFields } from "../json.ts";
import { DEFAULT_PAGE_KEYS, MAX_PAGE_BYTES, MAX_PAGE_KEYS } from "../limits.ts";
import type { Target } from "../target.ts";

interface Page {
  readonly keys: readonly object[];
  readonly hasMore: boolean;
  readonly revision: number;
}

/** The keyspace may become another one, by a snapshot, while its keys are put in order. */
const TRIES = 3;

export async function listKeys({ store, target }: Exchange): Promise<Answer> {
  target.only("prefix", "start", "start_after", "end", "limit", "values", ...CONSISTENCY_PARAMETERS);
  const range = rangeOf(target);
  const limit = target.number("limit", 1, MAX_PAGE_KEYS) ?? DEFAULT_PAGE_KEYS;
  const values = target.flag("values");
  const consistency = consistencyOf(target);
  for (let left = TRIES; left > 0; left -= 1) {
    await store.order.whole();
    const page = await store.query(
      {
        keys: undefined,
        answer: (keyspace): Page | undefined => {
          if (!store.order.isWhole) return undefined;
          const keys = store.order.range(range, limit + 1);
          return { ...pageOf(keyspace, keys, limit, values), revision: keyspace.revision };
        },
      },
      consistency,
    );
    if (page !== undefined) return json(200, { keys: page.keys, has_more: page.hasMore, revision: page.revision });
  }
  throw new ApiError("unavailable", "the keys are being put in order", { "retry-after": "1" });
}

function rangeOf(target: Target): KeyRange {
  const prefix = target.text("prefix") ?? "";
  const after = target.text("start_after");
  const starts = [prefix, target.text("start") ?? "", after === undefined ? "" : behind(after)];
  const ends = [behindPrefix(prefix), target.text("end")].filter((end) => end !== undefined);
  return { from: starts.sort(byBytes)[2], to: ends.sort(byBytes).at(0) };
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function pageOf(keyspace: Keyspace, keys: readonly string[], limit: number, values: boolean) {
  const items: object[] = [];
  let bytes = 0;
  for (const key of keys) {
    if (items.length === limit || bytes >= MAX_PAGE_BYTES) return { keys: items, hasMore: true };
    const entry = keyspace.get(key);
    if (entry === undefined) throw new Error("a key that is not there has a place in the order");
    items.push(itemOf(key, entry, values));
    bytes += key.length + (values && typeof entry.value === "string" ? entry.value.length : 0);
  }
  return { keys: items, hasMore: false };
}

function itemOf(key: string, { value, revision, contentType, expiresAtMs }: Entry, values: boolean): object {
  const text = typeof value === "string" ? value : undefined;
  return {
    ...bytesFields("key", key),
    type: typeOf(value),
    revision,
    ...(contentType === "" ? {} : { content_type: contentType }),
    ...(expiresAtMs === NEVER ? {} : { expires_at_ms: expiresAtMs }),
    ...(text === undefined || !values ? {} : bytesFields("value", text)),
  };
}
