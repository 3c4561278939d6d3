// The lock that makes a directory one process's own: an exclusive transaction on an SQLite file, which is a lock of the
// kernel on it. A killed process loses it at once, a stopped one keeps it. Never trusts a pid: that is a hint for people.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StoreOpenError } from "../store-open-error.ts";

/** SQLite's result code for a lock that somebody else holds. */
const SQLITE_BUSY = 5;

export interface ProcessLock {
  release(): void;
}

/** Takes the lock of `directory`, or throws a StoreOpenError. Blocks for a few system calls; meant for the start.
 * The lock file must never be opened in any other way: closing a second descriptor would drop the lock. */
export function takeProcessLock(directory: string): ProcessLock {
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, "lock"));
    // The transaction stays empty. In memory, its journal leaves no file behind.
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database?.close();
    if (error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY) {
      throw new StoreOpenError(`${directory} is in use by another process${pidHint(directory)}`, { cause: error });
    }
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreOpenError(`cannot lock ${directory}: ${reason}`, { cause: error });
  }
  const held = database;
  try {
    writeFileSync(join(directory, "lock.pid"), `${process.pid}\n`);
  } catch (error) {
    held.close();
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreOpenError(`cannot write to ${directory}: ${reason}`, { cause: error });
  }
  return { release: () => held.close() };
}

function pidHint(directory: string): string {
  try {
    const pid = readFileSync(join(directory, "lock.pid"), "utf8").trim();
    return /^[0-9]+$/.test(pid) ? ` (pid ${pid})` : "";
  } catch {
    return ""; // Only a hint: the holder may not have written it yet.
  }
}
