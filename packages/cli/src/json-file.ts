// Files of configuration in JSON: read whole, and taken apart with errors that name the place.
import { readFile } from "node:fs/promises";
import type { EngineError } from "@tailrace/engine";
import { ExitCode, ExitError } from "./exit-codes.ts";

/** Reads a file and has it parsed. `what` names it in errors. Errors: ExitError (usage) that names the place. */
export async function readJsonFile<T>(what: string, path: string, parse: (value: unknown) => T): Promise<T> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new ExitError(ExitCode.usage, `the ${what} ${path} cannot be read: ${messageOf(error)}`);
  }
  try {
    return parse(JSON.parse(text));
  } catch (error) {
    throw new ExitError(ExitCode.usage, `the ${what} ${path} is wrong: ${messageOf(error)}`);
  }
}

/** Why a file that was understood could not be put into effect; `part` is what of it. */
export function notApplied(what: string, error: EngineError, part?: string): ExitError {
  const isOfStore = error.code === "unavailable" || error.code === "storage" || error.code === "hot_server";
  const message = part === undefined ? error.message : `${part}: ${error.message}`;
  return new ExitError(isOfStore ? ExitCode.store : ExitCode.usage, `the ${what} cannot be applied: ${message}`);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function fields(value: unknown, path: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${path} must be an object`);
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new Error(`${path} has no field "${key}"; it may have ${known.join(", ")}`);
  }
  // Checked just above.
  return value as Readonly<Record<string, unknown>>;
}

export function list(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${path} must be a list`);
  return value;
}

export function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw new Error(`${path} must be a string`);
  if (!value.isWellFormed()) throw new Error(`${path} must be Unicode text`);
  return value;
}

export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

export function flag(value: unknown, path: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw new Error(`${path} must be true or false`);
  return value;
}

export function choice<T extends string>(value: unknown, path: string, allowed: readonly T[]): T | undefined {
  if (value === undefined || value === null) return undefined;
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`${path} must be one of ${allowed.join(", ")}`);
  return found;
}
