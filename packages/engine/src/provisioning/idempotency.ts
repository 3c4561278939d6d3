// How a creation is known again. Owns the key that is stored with what it created.
import type { Idempotency } from "../engine-api.ts";

/** Equal for a creation and its repetitions; empty where nobody asked for it, which equals nothing. */
export function idempotencyKey(idempotency: Idempotency | undefined): string {
  return idempotency === undefined ? "" : `${idempotency.requestToken}\n${idempotency.fingerprint}`;
}
