// What a key was before, the newest first, as far back as this replica remembers.
import type { Change } from "../../store/history.ts";
import { changeJson } from "../changes-json.ts";
import { CONSISTENCY_PARAMETERS, consistencyOf } from "../consistency.ts";
import { type Answer, type Exchange, json } from "../exchange.ts";
import { DEFAULT_PAGE_KEYS, MAX_PAGE_BYTES, MAX_PAGE_KEYS } from "../limits.ts";

export async function keyHistory({ store, target, key }: Exchange): Promise<Answer> {
  target.only("limit", "before", ...CONSISTENCY_PARAMETERS);
  const limit = target.number("limit", 1, MAX_PAGE_KEYS) ?? DEFAULT_PAGE_KEYS;
  const before = target.number("before", 1, Number.MAX_SAFE_INTEGER) ?? Number.POSITIVE_INFINITY;
  const { history } = store;
  const page = await store.query(
    {
      keys: [key],
      answer: (keyspace) => ({
        ...pageOf(history.of(key), before, limit),
        floor: history.floor,
        revision: keyspace.revision,
      }),
    },
    consistencyOf(target),
  );
  return json(200, {
    changes: page.changes.map((change) => ({ revision: change.revision, ...changeJson(change) })),
    has_more: page.hasMore,
    // Of what happened up to this revision nothing is known.
    remembered_after: Number.isFinite(page.floor) ? page.floor : page.revision,
    revision: page.revision,
  });
}

function pageOf(all: Iterable<Change>, before: number, limit: number) {
  const changes: Change[] = [];
  let bytes = 0;
  for (const change of all) {
    if (change.revision >= before) continue;
    if (changes.length === limit || bytes >= MAX_PAGE_BYTES) return { changes, hasMore: true };
    changes.push(change);
    bytes += (change.value ?? "").length;
  }
  return { changes, hasMore: false };
}
