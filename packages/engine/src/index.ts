// The public surface of the engine.
export { type AccessToken, type AccessTokenScope, isExpired, type ReadWrite } from "./account/access-tokens.ts";
export type { Location, StorageClass } from "./account/locations.ts";
export * from "./account/resource-set.ts";
export * from "./config.ts";
export { DeploymentError } from "./deployment.ts";
export { EncryptionKey, EncryptionKeyError } from "./encryption/encryption-key.ts";
export { Engine, type EngineOptions } from "./engine.ts";
export * from "./engine-api.ts";
export * from "./errors.ts";
export type { EngineLogger } from "./logger.ts";
export type { CompactionLimits } from "./segment/plan-compaction.ts";
export type { FlushLimits } from "./segment/unflushed.ts";
export { CorruptObjectError } from "./shard/corrupt.ts";
export { type DeposedBy, DeposedError } from "./shard/deposed.ts";
export { isSegmentKey } from "./shard/keys.ts";
export type { UsagePoint, UsageRange } from "./usage/usage-history.ts";
export { type Counts, INTERVAL_SECS, type UsageInterval } from "./usage/usage-record.ts";
export type { UsageApi, UsageSums, UsageTotal } from "./usage/usage-service.ts";
