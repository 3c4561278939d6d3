// The public face of the object stores: the interface, and the stores that implement it.
// S3Store is not among them: `openStore` loads it, and the SDK with it, only when it is asked for.
export { CachedStore, type CachedStoreOptions } from "./cached-store.ts";
export { CountingStore, type CountingStoreOptions, type RequestKind } from "./counting-store.ts";
export { DiskCache, type DiskCacheCounts } from "./disk-cache/disk-cache.ts";
export { type Fault, type FaultHook, FaultyStore, type StoreOperation } from "./faulty-store.ts";
export { FileStore, type FileStoreOptions } from "./file-store.ts";
export { type HedgeCounts, HedgedStore } from "./hedged-store.ts";
export { MemoryStore, type MemoryStoreOptions } from "./memory-store.ts";
export * from "./object-store.ts";
export { type OpenStoreOptions, openStore, openStoreView } from "./open-store.ts";
export { parseS3Encryption, type S3Encryption } from "./s3/encryption.ts";
export type { S3Store, S3StoreOptions } from "./s3-store.ts";
export { type Route, SplitStore, SplitView } from "./split-store.ts";
export { StoreOpenError } from "./store-open-error.ts";
export type { ListedObject, StoreView } from "./store-view.ts";
