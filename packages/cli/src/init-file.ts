// The init file: basins and streams that are to exist, in JSON. Applied on every start: creates what is missing, updates what differs.
import { setTimeout } from "node:timers/promises";
import {
  type BasinConfig,
  type EngineApi,
  EngineError,
  type PartialStreamConfig,
  type StreamCipher,
  type TimestampingMode,
} from "@tailrace/engine";
import { parseDurationSecs } from "./human-duration.ts";
import { choice, fields, flag, list, notApplied, optional, readJsonFile, text } from "./json-file.ts";

export interface InitFile {
  readonly basins: readonly InitBasin[];
}

export interface InitBasin {
  readonly name: string;
  readonly location: string | undefined;
  readonly config: BasinConfig;
  readonly streams: readonly { readonly name: string; readonly config: PartialStreamConfig }[];
}

const BASIN_NAME = /^[a-z0-9][a-z0-9-]{6,46}[a-z0-9]$/;

/** Errors: ExitError (usage) that names the place. */
export function readInitFile(path: string): Promise<InitFile> {
  return readJsonFile("init file", path, parseInitFile);
}

/** Errors: Error that names the place. */
export function parseInitFile(value: unknown): InitFile {
  const file = fields(value, "the file", ["basins"]);
  return { basins: list(file.basins, "basins").map((basin, i) => parseBasin(basin, `basins[${i}]`)) };
}

function parseBasin(value: unknown, path: string): InitBasin {
  const basin = fields(value, path, ["name", "location", "config", "streams"]);
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
    location: optional(basin.location, (location) => text(location, `${path}.location`)),
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
    storageClass: optional(config.storage_class, (name) => text(name, `${path}.storage_class`)),
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

/** How often, and with what pauses, a name that is still being deleted is asked for again. */
const DELETION_ATTEMPTS = 50;
const DELETION_PAUSE_MS = 100;

/** Errors: ExitError: `usage` where the file asks for what cannot be, `store` where the store does not take it. */
export async function applyInitFile(engine: EngineApi, file: InitFile): Promise<void> {
  for (const { name, config, location, streams } of file.basins) {
    await applied(`basin "${name}"`, () => engine.basins.ensure(name, config, location));
    await Promise.all(
      streams.map((stream) =>
        applied(`stream "${stream.name}" of basin "${name}"`, () =>
          engine.streams.ensure(name, stream.name, stream.config),
        ),
      ),
    );
  }
}

async function applied(what: string, ensure: () => Promise<unknown>): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await ensure();
      return;
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const pending = error.code === "stream_deletion_pending" || error.code === "basin_deletion_pending";
      if (!pending || attempt === DELETION_ATTEMPTS) throw notApplied("init file", error, what);
      await setTimeout(DELETION_PAUSE_MS);
    }
  }
}
