// The init file: basins and streams that are to exist, in JSON. Applied on every start: creates what is missing, updates what differs.
import { readFile } from "node:fs/promises";
import type { BasinConfig, EngineApi, PartialStreamConfig, StreamCipher, TimestampingMode } from "@tailrace/engine";
import { ExitCode, ExitError } from "./exit-codes.ts";
import { parseDurationSecs } from "./human-duration.ts";

export interface InitFile {
  readonly basins: readonly InitBasin[];
}

export interface InitBasin {
  readonly name: string;
  readonly config: BasinConfig;
  readonly streams: readonly { readonly name: string; readonly config: PartialStreamConfig }[];
}

const BASIN_NAME = /^[a-z0-9][a-z0-9-]{6,46}[a-z0-9]$/;

/** Errors: ExitError (usage) that names the place. */
export async function readInitFile(path: string): Promise<InitFile> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    throw new ExitError(
      ExitCode.usage,
      `the init file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  try {
    return parseInitFile(JSON.parse(text));
  } catch (error) {
    throw new ExitError(
      ExitCode.usage,
      `the init file ${path} is wrong: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

/** Errors: Error that names the place. */
export function parseInitFile(value: unknown): InitFile {
  const file = fields(value, "the file", ["basins"]);
  return { basins: list(file.basins, "basins").map((basin, i) => parseBasin(basin, `basins[${i}]`)) };
}

function parseBasin(value: unknown, path: string): InitBasin {
  const basin = fields(value, path, ["name", "config", "streams"]);
  const name = text(basin.name, `${path}.name`);
  if (!BASIN_NAME.test(name))
    throw new Error(`${path}.name: a basin name has 8 to 48 lower-case letters, digits and hyphens`);
  const config = fields(basin.config ?? {}, `${path}.config`, [
    "default_stream_config",
    "create_stream_on_append",
    "create_stream_on_read",
    "stream_cipher",
  ]);
  return {
    name,
    config: {
      defaultStreamConfig: parseStreamConfig(config.default_stream_config, `${path}.config.default_stream_config`),
      createStreamOnAppend: flag(config.create_stream_on_append, `${path}.config.create_stream_on_append`) ?? false,
      createStreamOnRead: flag(config.create_stream_on_read, `${path}.config.create_stream_on_read`) ?? false,
      streamCipher: choice<StreamCipher>(config.stream_cipher, `${path}.config.stream_cipher`, [
        "aegis-256",
        "aes-256-gcm",
      ]),
    },
    streams: list(basin.streams ?? [], `${path}.streams`).map((stream, i) => {
      const at = `${path}.streams[${i}]`;
      const parsed = fields(stream, at, ["name", "config"]);
      const streamName = text(parsed.name, `${at}.name`);
      const bytes = Buffer.byteLength(streamName);
      if (bytes < 1 || bytes > 512 || streamName.includes("\0") || streamName === "." || streamName === "..") {
        throw new Error(`${at}.name: a stream name has 1 to 512 bytes, no NUL, and is not "." or ".."`);
      }
      return { name: streamName, config: parseStreamConfig(parsed.config, `${at}.config`) };
    }),
  };
}

function parseStreamConfig(value: unknown, path: string): PartialStreamConfig {
  const config = fields(value ?? {}, path, ["storage_class", "retention_policy", "timestamping", "delete_on_empty"]);
  const timestamping = fields(config.timestamping ?? {}, `${path}.timestamping`, ["mode", "uncapped"]);
  const deleteOnEmpty = fields(config.delete_on_empty ?? {}, `${path}.delete_on_empty`, ["min_age"]);
  return {
    storageClass: choice(config.storage_class, `${path}.storage_class`, ["express", "standard"]),
    retentionAgeSecs: retention(config.retention_policy, `${path}.retention_policy`),
    timestampingMode: choice<TimestampingMode>(timestamping.mode, `${path}.timestamping.mode`, [
      "client-prefer",
      "client-require",
      "arrival",
    ]),
    timestampingUncapped: flag(timestamping.uncapped, `${path}.timestamping.uncapped`),
    deleteOnEmptyMinAgeSecs: duration(deleteOnEmpty.min_age, `${path}.delete_on_empty.min_age`),
  };
}

function retention(value: unknown, path: string): number | "infinite" | undefined {
  if (value === "infinite") return "infinite";
  const secs = duration(value, path);
  if (secs === 0) throw new Error(`${path}: a retention age must be greater than 0`);
  return secs;
}

function duration(value: unknown, path: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  const secs = parseDurationSecs(text(value, path));
  if (secs === undefined) throw new Error(`${path}: "${String(value)}" is not a duration such as "7days" or "1h 30m"`);
  return secs;
}

function fields(value: unknown, path: string, known: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error(`${path} must be an object`);
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) throw new Error(`${path} has no field "${key}"; it may have ${known.join(", ")}`);
  }
  // Checked just above.
  return value as Readonly<Record<string, unknown>>;
}

function list(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`${path} must be a list`);
  return value;
}

function text(value: unknown, path: string): string {
  if (typeof value !== "string") throw new Error(`${path} must be a string`);
  return value;
}

function flag(value: unknown, path: string): boolean | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "boolean") throw new Error(`${path} must be true or false`);
  return value;
}

function choice<T extends string>(value: unknown, path: string, allowed: readonly T[]): T | undefined {
  if (value === undefined || value === null) return undefined;
  const found = allowed.find((each) => each === value);
  if (found === undefined) throw new Error(`${path} must be one of ${allowed.join(", ")}`);
  return found;
}

/** Errors: EngineError. */
export async function applyInitFile(engine: EngineApi, file: InitFile): Promise<void> {
  for (const basin of file.basins) {
    await engine.ensureBasin(basin.name, basin.config);
    for (const stream of basin.streams) await engine.ensureStream(basin.name, stream.name, stream.config);
  }
}
