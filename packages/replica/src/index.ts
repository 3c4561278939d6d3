// The public surface of the package.
export * from "./errors.ts";
export type { Leadership } from "./lead/leadership.ts";
export { MAX_COMMAND_BYTES } from "./limits.ts";
export {
  type AppendAck,
  type AppendBatch,
  type Appender,
  type Follower,
  type Header,
  type Log,
  type LogEntry,
  LogError,
  type LogFailure,
  type LogRecord,
  type Position,
} from "./log/log.ts";
export { createS2Log, type S2LogOptions, s2Log } from "./log/s2-log.ts";
export type { Applied, Machine, SnapshotFormat } from "./machine.ts";
export type { Watched } from "./read/watch.ts";
export { ByteReader, ByteWriter, MalformedError } from "./record/bytes.ts";
export {
  type Consistency,
  type LeadOptions,
  type ReadOptions,
  Replica,
  type ReplicaOptions,
  type SnapshotOptions,
} from "./replica.ts";
export { type ReplicaRuntime, systemRuntime, type Timer } from "./runtime.ts";
export { type MapLike, SnapshotMap } from "./snapshot/snapshot-map.ts";
