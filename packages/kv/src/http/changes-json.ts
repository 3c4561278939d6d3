// Changes of keys as watchers and histories show them.
import { NEVER } from "../state/entry.ts";
import type { Change } from "../store/history.ts";
import { bytesFields } from "./json.ts";

/** What the key has become; `type` is null where it is gone. */
export function changeJson({ key, type, value, contentType, expiresAtMs }: Change): object {
  return {
    ...(key === undefined ? { all_keys: true } : bytesFields("key", key)),
    type: type ?? null,
    ...(contentType === "" ? {} : { content_type: contentType }),
    ...(expiresAtMs === NEVER ? {} : { expires_at_ms: expiresAtMs }),
    ...(value === undefined ? {} : bytesFields("value", value)),
  };
}
