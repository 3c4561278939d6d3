// Configuration of streams and basins as the engine holds it, and how layers of it resolve (API: StreamConfig, BasinConfig).

import type { AeadCipher } from "./runtime/index.ts";

/** What the records of a stream are sealed with. */
export type StreamCipher = AeadCipher;

export type TimestampingMode = "client-prefer" | "client-require" | "arrival";

/** Every field resolved. */
export interface StreamConfig {
  /** `express`, `standard`, or what else a location offers. */
  readonly storageClass: string;
  /** Seconds, at least 1. */
  readonly retentionAgeSecs: number | "infinite";
  readonly timestampingMode: TimestampingMode;
  /** Whether clients' timestamps may be later than arrival. */
  readonly timestampingUncapped: boolean;
  /** Seconds; 0 is off. */
  readonly deleteOnEmptyMinAgeSecs: number;
}

/** Some fields set; the others fall through to the layer below. */
export type PartialStreamConfig = { readonly [K in keyof StreamConfig]?: StreamConfig[K] | undefined };

/** A change: `undefined` leaves a field alone, `null` resets it to the layer below. */
export type StreamConfigPatch = { readonly [K in keyof StreamConfig]?: StreamConfig[K] | null | undefined };

export interface BasinConfig {
  readonly defaultStreamConfig: PartialStreamConfig;
  readonly createStreamOnAppend: boolean;
  readonly createStreamOnRead: boolean;
  /** New streams are encrypted with it, for good. Absent: they are in the clear. */
  readonly streamCipher?: StreamCipher | undefined;
}

export interface BasinConfigPatch {
  /** null resets all of it. */
  readonly defaultStreamConfig?: StreamConfigPatch | null | undefined;
  readonly createStreamOnAppend?: boolean | undefined;
  readonly createStreamOnRead?: boolean | undefined;
  /** null: new streams are in the clear. */
  readonly streamCipher?: StreamCipher | null | undefined;
}

export const DEFAULT_STREAM_CONFIG: StreamConfig = {
  storageClass: "express",
  retentionAgeSecs: 7 * 24 * 60 * 60,
  timestampingMode: "client-prefer",
  timestampingUncapped: false,
  deleteOnEmptyMinAgeSecs: 0,
};

export const DEFAULT_BASIN_CONFIG: BasinConfig = {
  defaultStreamConfig: {},
  createStreamOnAppend: false,
  createStreamOnRead: false,
};

/** The first layer that sets a field wins; what none sets has the global default. */
export function resolveStreamConfig(...layers: readonly PartialStreamConfig[]): StreamConfig {
  const resolved: Record<string, unknown> = { ...DEFAULT_STREAM_CONFIG };
  for (const layer of layers.toReversed()) {
    for (const [field, value] of Object.entries(layer)) {
      if (value !== undefined) resolved[field] = value;
    }
  }
  // Every key comes from StreamConfig or a partial of it.
  return resolved as unknown as StreamConfig;
}

/** `current` with `patch` applied, where null falls back to `below`. */
export function patchStreamConfig(
  current: StreamConfig,
  patch: StreamConfigPatch,
  below: PartialStreamConfig,
): StreamConfig {
  const base = resolveStreamConfig(below);
  const next: Record<string, unknown> = { ...current };
  for (const [field, value] of Object.entries(patch)) {
    if (value === undefined) continue;
    next[field] = value === null ? base[field as keyof StreamConfig] : value;
  }
  // Every key comes from StreamConfig.
  return next as unknown as StreamConfig;
}

/** The partial layer that `patch` leaves of `current`: null removes a field. */
export function patchPartialStreamConfig(current: PartialStreamConfig, patch: StreamConfigPatch): PartialStreamConfig {
  const next: Record<string, unknown> = { ...current };
  for (const [field, value] of Object.entries(patch)) {
    if (value === null) delete next[field];
    else if (value !== undefined) next[field] = value;
  }
  return next as PartialStreamConfig;
}
