// Lists the keys under a directory in order, a page at a time, in bounded memory.
// Every page reads each directory that it touches from end to end: a page costs the number of files in the directory,
// however few it answers (a second or so for a million). What is listed often is to be kept in small directories.
import { join } from "node:path";
import { isKeySegment, RESERVED_NAMES } from "../key.ts";
import type { FileCalls } from "./file-calls.ts";
import { errorCode } from "./file-errors.ts";

/** Entries read from a directory at once: few calls, and no long turn of the event loop. */
const READ_ENTRIES = 1024;
/** Entries gathered before all but the smallest page of them are forgotten again. */
const GATHERED_PAGES = 4;

/** Keys that start with `prefix` and are greater than `after`, the first `limit` of them. */
export async function listKeys(
  calls: FileCalls,
  root: string,
  prefix: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const keys: string[] = [];
  await collect(prefix.slice(0, prefix.lastIndexOf("/") + 1));
  return keys;

  /** `base` is empty or ends in a slash. */
  async function collect(base: string): Promise<void> {
    let seen = "";
    while (keys.length < limit) {
      const page = await firstEntries(base, seen);
      for (const entry of page) {
        if (keys.length === limit) return;
        if (entry.endsWith("/")) await collect(entry);
        else keys.push(entry);
      }
      if (page.length < limit) return;
      seen = page[page.length - 1];
    }
  }

  /** The first `limit` entries of a directory, full keys or key prefixes ending in a slash, that are greater than `seen`
   * and can hold a wanted key. With its slash a directory sorts where its keys do. */
  async function firstEntries(base: string, seen: string): Promise<string[]> {
    let entries: string[] = [];
    const directory = await calls.opendir(join(root, base), { bufferSize: READ_ENTRIES }).catch((error: unknown) => {
      if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
      throw error;
    });
    if (directory === undefined) return entries;
    for await (const found of directory) {
      // `lost+found`, `.DS_Store`: never ours.
      if (!isKeySegment(found.name) || (base === "" && RESERVED_NAMES.has(found.name))) continue;
      const isDirectory = found.isDirectory();
      const entry = isDirectory ? `${base}${found.name}/` : base + found.name;
      if (entry <= seen) continue;
      if (!entry.startsWith(prefix) && !(isDirectory && prefix.startsWith(entry))) continue;
      if (entry <= after && !(isDirectory && after.startsWith(entry))) continue;
      entries.push(entry);
      if (entries.length >= GATHERED_PAGES * limit) entries = entries.sort().slice(0, limit);
    }
    return entries.sort().slice(0, limit);
  }
}
