// Deleting many objects where a store takes one a request: a few requests at a time, each with its own outcome.
import { type DeletedMany, ObjectStoreError, type UndeletedObject } from "./object-store.ts";

/** Errors: those of `deleteOne` that are no ObjectStoreError. */
export async function deleteEach(
  keys: readonly string[],
  concurrency: number,
  deleteOne: (key: string) => Promise<void>,
): Promise<DeletedMany> {
  const undeleted: UndeletedObject[] = [];
  let next = 0;
  const deleteOn = async () => {
    while (next < keys.length) {
      const key = keys[next++];
      try {
        await deleteOne(key);
      } catch (error) {
        if (!(error instanceof ObjectStoreError)) throw error;
        undeleted.push({ key, error });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, keys.length) }, deleteOn));
  return { undeleted, requests: keys.length };
}
