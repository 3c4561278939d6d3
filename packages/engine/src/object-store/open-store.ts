// From what a person writes to an open store. Owns the syntax of store URLs; never knows what is kept in a store.
import type { Runtime } from "../runtime/runtime.ts";
import { FileView } from "./file/file-view.ts";
import { FileStore } from "./file-store.ts";
import { MemoryStore } from "./memory-store.ts";
import type { ObjectStore } from "./object-store.ts";
import { parseS3Encryption } from "./s3/encryption.ts";
import { StoreOpenError } from "./store-open-error.ts";
import type { StoreView } from "./store-view.ts";

/** S3's own rules for the names of buckets, roughly; what is wrong in the fine print the server says. */
const BUCKET = /^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$/;
const S3_PREFIX = /^[A-Za-z0-9._/-]*$/;
/** Leaves most of S3's 1024 bytes for the keys themselves. */
const MAX_S3_PREFIX_LENGTH = 256;

export interface OpenStoreOptions {
  /** How an S3 server is to encrypt what is put: `AES256`, `aws:kms`, `aws:kms=KEY`, `aws:kms:dsse=KEY`. Default: as the bucket has it. */
  readonly s3Sse?: string | undefined;
}

/** Opens `file:DIR`, `memory:` or `s3://BUCKET[/PREFIX]`. Rejects with a StoreOpenError: one sentence for people. */
export async function openStore(url: string, runtime: Runtime, options: OpenStoreOptions = {}): Promise<ObjectStore> {
  if (url === "memory:") return new MemoryStore();
  if (url.startsWith("file:")) return FileStore.open(directoryOf(url), runtime);
  if (url.startsWith("s3://")) return openS3(url, runtime, options);
  throw new StoreOpenError(`"${url}" is not a store: it must be file:DIR, memory: or s3://BUCKET/PREFIX`);
}

/** Opens `file:DIR` or `s3://BUCKET[/PREFIX]` to look at what is there, be it in use or not. Rejects with a StoreOpenError. */
export async function openStoreView(url: string, runtime: Runtime): Promise<StoreView> {
  if (url.startsWith("file:")) return FileView.open(directoryOf(url));
  if (url.startsWith("s3://")) {
    const { S3Store } = await import("./s3-store.ts");
    return S3Store.openView(bucketOf(url), runtime);
  }
  throw new StoreOpenError(`"${url}" is not a store to look at: it must be file:DIR or s3://BUCKET/PREFIX`);
}

function directoryOf(url: string): string {
  const rest = url.slice("file:".length);
  // file:///data, as URLs of files are usually written, is /data.
  const directory = rest.startsWith("///") ? rest.slice(2) : rest;
  if (directory === "" || directory.startsWith("//")) {
    throw new StoreOpenError(`"${url}" names no directory: write file:DIR, as in file:./data or file:/var/data`);
  }
  return directory;
}

async function openS3(url: string, runtime: Runtime, { s3Sse }: OpenStoreOptions): Promise<ObjectStore> {
  const where = bucketOf(url);
  const encryption = parseS3Encryption(s3Sse);
  // The SDK takes a while to load: only those who use it pay.
  const { S3Store } = await import("./s3-store.ts");
  return S3Store.open({ ...where, encryption }, runtime);
}

function bucketOf(url: string): { bucket: string; prefix: string } {
  const rest = url.slice("s3://".length);
  const slash = rest.indexOf("/");
  const bucket = slash < 0 ? rest : rest.slice(0, slash);
  const prefix = slash < 0 ? "" : rest.slice(slash + 1);
  if (!BUCKET.test(bucket))
    throw new StoreOpenError(`"${url}" names no bucket: write s3://BUCKET or s3://BUCKET/PREFIX`);
  if (!S3_PREFIX.test(prefix) || prefix.length > MAX_S3_PREFIX_LENGTH) {
    throw new StoreOpenError(`"${url}" has a prefix of more than letters, digits, ".", "_", "-" and "/"`);
  }
  return { bucket, prefix };
}
