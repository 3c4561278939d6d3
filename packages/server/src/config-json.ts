// Configuration between the API's JSON and the engine's types, both ways (API: StreamConfig, BasinConfig and their reconfigurations).
import type {
  BasinConfig,
  BasinConfigPatch,
  PartialStreamConfig,
  StreamCipher,
  StreamConfig,
  StreamConfigPatch,
  TimestampingMode,
} from "@tailrace/engine";
import { ApiError } from "./errors.ts";
import { boolean, object, string, unsigned, wrong } from "./json-shape.ts";

const CIPHERS: readonly StreamCipher[] = ["aegis-256", "aes-256-gcm"];
const MODES: readonly string[] = ["client-prefer", "client-require", "arrival"];

function retentionPolicy(value: unknown): number | "infinite" {
  const policy = object(value, "retention_policy");
  const keys = Object.keys(policy);
  if (keys.length === 1 && keys[0] === "infinite") {
    object(policy.infinite, "retention_policy.infinite");
    return "infinite";
  }
  if (keys.length !== 1 || keys[0] !== "age")
    throw wrong("retention_policy", 'either {"age": seconds} or {"infinite": {}}');
  const age = unsigned(policy.age, "retention_policy.age");
  if (age === 0) throw new ApiError("invalid", "a retention age must be greater than 0 seconds");
  return age;
}

function timestampingMode(value: unknown): TimestampingMode {
  const mode = string(value, "timestamping.mode");
  if (!MODES.includes(mode)) throw wrong("timestamping.mode", MODES.join(", "));
  // Checked just above.
  return mode as TimestampingMode;
}

function streamCipher(value: unknown): StreamCipher {
  const name = string(value, "stream_cipher");
  const cipher = CIPHERS.find((known) => known === name);
  if (cipher === undefined) throw wrong("stream_cipher", CIPHERS.join(" or "));
  return cipher;
}

/** Absent leaves a field alone, null resets it. */
export function streamConfigPatch(value: unknown): StreamConfigPatch {
  const json = object(value, "config");
  const patch: { -readonly [K in keyof StreamConfigPatch]: StreamConfigPatch[K] } = {};
  const set = (present: unknown, read: (value: unknown) => void, reset: () => void) => {
    if (present === null) reset();
    else if (present !== undefined) read(present);
  };
  set(
    json.storage_class,
    (given) => {
      patch.storageClass = string(given, "storage_class");
    },
    () => {
      patch.storageClass = null;
    },
  );
  set(
    json.retention_policy,
    (given) => {
      patch.retentionAgeSecs = retentionPolicy(given);
    },
    () => {
      patch.retentionAgeSecs = null;
    },
  );
  set(
    json.timestamping,
    (given) => {
      const timestamping = object(given, "timestamping");
      set(
        timestamping.mode,
        (mode) => {
          patch.timestampingMode = timestampingMode(mode);
        },
        () => {
          patch.timestampingMode = null;
        },
      );
      set(
        timestamping.uncapped,
        (uncapped) => {
          patch.timestampingUncapped = boolean(uncapped, "timestamping.uncapped");
        },
        () => {
          patch.timestampingUncapped = null;
        },
      );
    },
    () => {
      patch.timestampingMode = null;
      patch.timestampingUncapped = null;
    },
  );
  set(
    json.delete_on_empty,
    (given) => {
      set(
        object(given, "delete_on_empty").min_age_secs,
        (age) => {
          patch.deleteOnEmptyMinAgeSecs = unsigned(age, "delete_on_empty.min_age_secs");
        },
        () => {
          patch.deleteOnEmptyMinAgeSecs = null;
        },
      );
    },
    () => {
      patch.deleteOnEmptyMinAgeSecs = null;
    },
  );
  return patch;
}

/** In a whole config, null means the same as absence. */
export function partialStreamConfig(value: unknown): PartialStreamConfig {
  if (value === undefined || value === null) return {};
  const patch = streamConfigPatch(value);
  // Where the age is left out, it is 0: off, whatever the basin's default.
  const deleteOnEmpty = object(value, "config").delete_on_empty;
  const off = deleteOnEmpty === undefined || deleteOnEmpty === null ? {} : { deleteOnEmptyMinAgeSecs: 0 };
  const set = Object.entries({ ...off, ...patch }).filter(([, field]) => field !== null);
  // The entries of a patch, less its resets.
  return Object.fromEntries(set) as PartialStreamConfig;
}

export function basinConfig(value: unknown): BasinConfig {
  const json = value === undefined || value === null ? {} : object(value, "config");
  const flag = (given: unknown, path: string) => (given === undefined || given === null ? false : boolean(given, path));
  return {
    defaultStreamConfig: partialStreamConfig(json.default_stream_config),
    createStreamOnAppend: flag(json.create_stream_on_append, "create_stream_on_append"),
    createStreamOnRead: flag(json.create_stream_on_read, "create_stream_on_read"),
    streamCipher:
      json.stream_cipher === undefined || json.stream_cipher === null ? undefined : streamCipher(json.stream_cipher),
  };
}

export function basinConfigPatch(value: unknown): BasinConfigPatch {
  const json = object(value, "config");
  const flag = (given: unknown, path: string) =>
    given === undefined || given === null ? undefined : boolean(given, path);
  return {
    defaultStreamConfig:
      json.default_stream_config === undefined
        ? undefined
        : json.default_stream_config === null
          ? null
          : streamConfigPatch(json.default_stream_config),
    createStreamOnAppend: flag(json.create_stream_on_append, "create_stream_on_append"),
    createStreamOnRead: flag(json.create_stream_on_read, "create_stream_on_read"),
    streamCipher:
      json.stream_cipher === undefined || json.stream_cipher === null
        ? json.stream_cipher
        : streamCipher(json.stream_cipher),
  };
}

function retentionJson(age: number | "infinite"): object {
  return age === "infinite" ? { infinite: {} } : { age };
}

export function streamConfigJson(config: StreamConfig): object {
  return {
    storage_class: config.storageClass,
    retention_policy: retentionJson(config.retentionAgeSecs),
    timestamping: { mode: config.timestampingMode, uncapped: config.timestampingUncapped },
    delete_on_empty: { min_age_secs: config.deleteOnEmptyMinAgeSecs },
  };
}

/** A basin's own config shows what was set, and the class in any case. */
export function basinConfigJson(config: BasinConfig): object {
  const defaults = config.defaultStreamConfig;
  const timestamping = { mode: defaults.timestampingMode ?? null, uncapped: defaults.timestampingUncapped ?? null };
  return {
    default_stream_config: {
      storage_class: defaults.storageClass ?? "express",
      retention_policy: defaults.retentionAgeSecs === undefined ? null : retentionJson(defaults.retentionAgeSecs),
      timestamping: timestamping.mode === null && timestamping.uncapped === null ? null : timestamping,
      delete_on_empty:
        defaults.deleteOnEmptyMinAgeSecs === undefined ? null : { min_age_secs: defaults.deleteOnEmptyMinAgeSecs },
    },
    stream_cipher: config.streamCipher ?? null,
    create_stream_on_append: config.createStreamOnAppend,
    create_stream_on_read: config.createStreamOnRead,
  };
}
