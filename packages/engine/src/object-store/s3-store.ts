// An object store in a bucket of S3 or of a server that speaks its API. Owns the mapping of the interface to requests.
// Never retries by itself: the SDK's own retries would turn a lost reply to a conditional put into a plain `exists`.
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { Runtime } from "../runtime/runtime.ts";
import { deleteEach } from "./delete-each.ts";
import { checkDeleteKeys, checkKey } from "./key.ts";
import { type DeletedMany, MAX_LIST_KEYS, type ObjectStore, ObjectStoreError } from "./object-store.ts";
import { clientConfig, type S3ClientOptions } from "./s3/client-config.ts";
import { deleteObjects, isUnsupported } from "./s3/delete-objects.ts";
import type { S3Encryption } from "./s3/encryption.ts";
import { MULTIPART_FROM_BYTES, Multipart } from "./s3/multipart.ts";
import { payloadOf, withHash } from "./s3/payload.ts";
import { readBody } from "./s3/read-body.ts";
import { S3Requests } from "./s3/requests.ts";
import { s3Failure } from "./s3/s3-errors.ts";
import { StoreOpenError } from "./store-open-error.ts";
import type { ListedObject, StoreView } from "./store-view.ts";

/** Tries of a request at the start whose outcome was not clear. */
const OPEN_ATTEMPTS = 3;
/** Deletes under way at once where the server takes only one a request. */
const CONCURRENT_DELETES = 4;
const PROBE_NAME_BYTES = 8;
const PROBE = Buffer.from("a probe; may be deleted\n");

export interface S3StoreOptions extends S3ClientOptions {
  readonly bucket: string;
  /** Before every key, without slashes around it. Default: none. */
  readonly prefix?: string;
  /** How the server is to encrypt what is put. Default: as the bucket has it. */
  readonly encryption?: S3Encryption;
  /** For tests: objects from so many bytes on go in parts, and the size of a part. */
  readonly multipart?: { readonly fromBytes: number; readonly partBytes: number };
}

export class S3Store implements ObjectStore, StoreView {
  readonly description: string;
  readonly exclusive = false;
  readonly #client: S3Client;
  readonly #runtime: Runtime;
  readonly #requests: S3Requests;
  readonly #encryption: S3Encryption;
  readonly #multipart: Multipart;
  readonly #multipartFromBytes: number;
  /** Whether large objects can be put in parts, under the condition; asked for with the first of them. */
  #honoursMultipart: Promise<boolean> | undefined;
  readonly #bucket: string;
  /** Empty, or ends in a slash. */
  readonly #prefix: string;
  /** Until the server has refused to. */
  #deletesManyAtOnce = true;

  /** Connects and verifies that the server honours conditional puts. Rejects with a StoreOpenError. */
  static open(options: S3StoreOptions, runtime: Runtime): Promise<S3Store> {
    return S3Store.#open(options, runtime, (store) => store.verifyConditionalPuts());
  }

  /** Connects to look at what is there, and puts nothing. Rejects with a StoreOpenError. */
  static openView(options: S3StoreOptions, runtime: Runtime): Promise<StoreView> {
    return S3Store.#open(options, runtime, (store) => store.#verifyReads());
  }

  static async #open(
    options: S3StoreOptions,
    runtime: Runtime,
    verify: (store: S3Store) => Promise<void>,
  ): Promise<S3Store> {
    let client: S3Client;
    try {
      client = new S3Client(clientConfig(options));
      await client.config.region();
    } catch (error) {
      throw new StoreOpenError(`cannot set up access to S3: ${messageOf(error)}`, { cause: error });
    }
    const store = new S3Store(client, options, runtime);
    try {
      await verify(store);
    } catch (error) {
      await store.close();
      throw error;
    }
    return store;
  }

  private constructor(client: S3Client, options: S3StoreOptions, runtime: Runtime) {
    const prefix = (options.prefix ?? "").replace(/^\/+|\/+$/g, "");
    this.#client = client;
    this.#runtime = runtime;
    this.#requests = new S3Requests(runtime);
    this.#bucket = options.bucket;
    this.#prefix = prefix === "" ? "" : `${prefix}/`;
    this.#encryption = options.encryption ?? {};
    this.#multipartFromBytes = options.multipart?.fromBytes ?? MULTIPART_FROM_BYTES;
    this.#multipart = new Multipart({
      client,
      bucket: options.bucket,
      prefix: this.#prefix,
      encryption: this.#encryption,
      requests: this.#requests,
      runtime,
      ...(options.multipart === undefined ? {} : { partBytes: options.multipart.partBytes }),
    });
    this.description = `s3://${options.bucket}${prefix === "" ? "" : `/${prefix}`}`;
  }

  /** Puts a probe twice, under the condition that it is not there. Rejects with a StoreOpenError when the store cannot be
   * used, or lets the second one through. */
  async verifyConditionalPuts(): Promise<void> {
    const probe = this.#newProbe();
    const first = await this.#probe(probe);
    const second = first === "exists" ? "exists" : await this.#probe(probe);
    await this.delete(probe).catch((error: unknown) => {
      throw this.#openError(error);
    });
    if (second !== "exists") {
      throw new StoreOpenError(
        `${this.description} does not honour "If-None-Match: *" on puts, without which two processes could overwrite each other's data`,
      );
    }
  }

  putIfAbsent(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#put(key, parts, "putIfAbsent");
  }

  put(key: string, parts: readonly Uint8Array[]): Promise<void> {
    return this.#put(key, parts, "put");
  }

  get(key: string): Promise<Uint8Array> {
    return this.#get(key, undefined, 0);
  }

  async getRange(key: string, offset: number, length: number): Promise<Uint8Array> {
    // An empty range can't be said in HTTP; whether the object is there still counts.
    const asked = Math.max(1, length);
    try {
      const bytes = await this.#get(key, `bytes=${offset}-${offset + asked - 1}`, asked);
      return bytes.subarray(0, length);
    } catch (error) {
      // The range starts at or after the end.
      if (error instanceof ObjectStoreError && s3Failure(error.cause).status === 416) return new Uint8Array(0);
      throw error;
    }
  }

  async list(prefix: string, after = ""): Promise<string[]> {
    return (await this.listObjects(prefix, after)).map(({ key }) => key);
  }

  listObjects(prefix: string, after = ""): Promise<ListedObject[]> {
    return this.#requests.run("list", prefix, 0, async (abortSignal) => {
      const command = new ListObjectsV2Command({
        Bucket: this.#bucket,
        Prefix: this.#prefix + prefix,
        MaxKeys: MAX_LIST_KEYS,
        ...(after === "" ? {} : { StartAfter: this.#prefix + after }),
      });
      const { Contents = [] } = await this.#client.send(command, { abortSignal });
      const objects: ListedObject[] = [];
      let last = after;
      for (const { Key = "", Size = 0 } of Contents) {
        const listed = Key.slice(this.#prefix.length);
        // The marker of a "folder", which some tools leave.
        if (listed === "" || listed.endsWith("/")) continue;
        // Buckets of S3's "directory" type, say: the newest of many could not be found.
        if (listed <= last) throw new Error(`the server lists keys out of order: ${listed} after ${last}`);
        objects.push({ key: listed, bytes: Size });
        last = listed;
      }
      return objects;
    });
  }

  async delete(key: string): Promise<void> {
    checkKey(key);
    try {
      await this.#requests.run("delete", key, 0, (abortSignal) =>
        this.#client.send(new DeleteObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key }), { abortSignal }),
      );
    } catch (error) {
      // Some servers say so; it is what was asked for.
      if (error instanceof ObjectStoreError && s3Failure(error.cause).code === "NoSuchKey") return;
      throw error;
    }
  }

  async deleteMany(keys: readonly string[]): Promise<DeletedMany> {
    checkDeleteKeys(keys);
    if (keys.length === 0) return { undeleted: [], requests: 0 };
    if (!this.#deletesManyAtOnce) return this.#deleteEach(keys);
    try {
      const objectKeys = keys.map((key) => this.#prefix + key);
      const undeleted = await this.#requests.run("delete", `${keys[0]} and ${keys.length - 1} more`, 0, (abortSignal) =>
        deleteObjects(this.#client, this.#bucket, objectKeys, abortSignal),
      );
      return {
        undeleted: undeleted.map(({ objectKey, error }) => ({ key: objectKey.slice(this.#prefix.length), error })),
        requests: 1,
      };
    } catch (error) {
      if (!(error instanceof ObjectStoreError) || !isUnsupported(error.cause)) throw error;
      this.#deletesManyAtOnce = false;
      const { undeleted, requests } = await this.#deleteEach(keys);
      return { undeleted, requests: requests + 1 };
    }
  }

  #deleteEach(keys: readonly string[]): Promise<DeletedMany> {
    return deleteEach(keys, CONCURRENT_DELETES, (key) => this.delete(key));
  }

  async close(): Promise<void> {
    this.#client.destroy();
  }

  async #put(key: string, parts: readonly Uint8Array[], operation: "put" | "putIfAbsent"): Promise<void> {
    checkKey(key);
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    if (bytes >= this.#multipartFromBytes && (await this.#takesParts()))
      return this.#multipart.put(this.#prefix + key, parts, operation === "putIfAbsent");
    const payload = await payloadOf(parts, this.#runtime);
    const command = withHash(
      new PutObjectCommand({
        Bucket: this.#bucket,
        Key: this.#prefix + key,
        Body: payload.body,
        ContentLength: payload.bytes,
        ...this.#encryption,
        ...(operation === "putIfAbsent" ? { IfNoneMatch: "*" } : {}),
      }),
      payload,
    );
    await this.#requests.run(operation, key, payload.bytes, (abortSignal) =>
      this.#client.send(command, { abortSignal }),
    );
  }

  /** Errors: ObjectStoreError, of kind `unavailable` or `denied`: nothing was put yet. */
  async #takesParts(): Promise<boolean> {
    this.#honoursMultipart ??= this.#askForParts();
    const asking = this.#honoursMultipart;
    try {
      return await asking;
    } catch (error) {
      if (this.#honoursMultipart === asking) this.#honoursMultipart = undefined;
      throw error;
    }
  }

  async #askForParts(): Promise<boolean> {
    const probe = this.#newProbe();
    try {
      await this.putIfAbsent(probe, [PROBE]);
      const honours = await this.#multipart.honoursCondition(this.#prefix + probe);
      if (honours) await this.#multipart.abortAbandoned();
      return honours;
    } catch (error) {
      if (error instanceof ObjectStoreError && error.kind !== "denied")
        throw new ObjectStoreError("unavailable", error.message, { cause: error.cause });
      throw error;
    } finally {
      await this.delete(probe).catch(() => undefined); // An object that nobody minds.
    }
  }

  #get(key: string, range: string | undefined, expectedBytes: number): Promise<Uint8Array> {
    checkKey(key);
    return this.#requests.run("read", key, expectedBytes, async (abortSignal, allowBytes) => {
      const command = new GetObjectCommand({
        Bucket: this.#bucket,
        Key: this.#prefix + key,
        ...(range === undefined ? {} : { Range: range }),
      });
      const { Body, ContentLength } = await this.#client.send(command, { abortSignal });
      if (Body === undefined || ContentLength === undefined) throw new Error("an answer without a body or its length");
      allowBytes(ContentLength);
      // In Node the body is the response's stream; the SDK's type covers browsers too.
      return readBody(Body as NodeJS.ReadableStream & { destroy(error?: Error): void }, ContentLength, abortSignal);
    });
  }

  #newProbe(): string {
    return `probe-${Buffer.from(this.#runtime.random.bytes(PROBE_NAME_BYTES)).toString("hex")}`;
  }

  async #probe(probe: string): Promise<"written" | "exists"> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.putIfAbsent(probe, [PROBE]);
        return "written";
      } catch (error) {
        if (!(error instanceof ObjectStoreError)) throw error;
        if (error.kind === "exists") return "exists";
        if (error.kind !== "ambiguous" || attempt === OPEN_ATTEMPTS) throw this.#openError(error);
      }
    }
  }

  async #verifyReads(): Promise<void> {
    await this.list("").catch((error: unknown) => {
      throw this.#openError(error);
    });
  }

  #openError(error: unknown): StoreOpenError {
    const cause = error instanceof ObjectStoreError ? error.cause : error;
    const { code } = s3Failure(cause);
    const options = { cause: error };
    if (code === "NoSuchBucket") return new StoreOpenError(`the bucket ${this.#bucket} does not exist`, options);
    if (error instanceof ObjectStoreError && error.kind === "denied") {
      return new StoreOpenError(`access to ${this.description} is denied: ${messageOf(cause)}`, options);
    }
    return new StoreOpenError(`cannot use ${this.description}: ${messageOf(cause)}`, options);
  }
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A connection tried at several addresses fails with an error that has a code and no message.
  if (error.message !== "") return error.message;
  return "code" in error ? String(error.code) : error.name;
}
