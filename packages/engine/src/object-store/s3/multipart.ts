// Putting a large object in parts: no more of it than a few parts is copied at a time, and a connection that breaks costs a part, not all of it. The
// condition stands on the request that completes it; a server that does not honour it there is asked for whole puts instead.
// Never leaves parts behind that it knows of, and clears away those of processes that died.
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { Runtime } from "../../runtime/runtime.ts";
import { ObjectStoreError } from "../object-store.ts";
import type { S3Encryption } from "./encryption.ts";
import { payloadOf, withHash } from "./payload.ts";
import type { S3Requests } from "./requests.ts";
import { s3Failure } from "./s3-errors.ts";

/** Objects from here on go in parts: beyond what a flush of the log makes, which is one request. S3 itself would take 5 GiB. */
export const MULTIPART_FROM_BYTES = 128 * 1024 * 1024;
/** S3 takes 10,000 parts of 5 MiB to 5 GiB. */
const PART_BYTES = 64 * 1024 * 1024;
const CONCURRENT_PARTS = 2;
/** An upload that is older belongs to nobody who lives: each of its requests would have timed out long before. */
const ABANDONED_MS = 24 * 60 * 60 * 1000;

export interface MultipartOptions {
  readonly client: S3Client;
  readonly bucket: string;
  /** Of all keys of the store; empty, or ends in a slash. */
  readonly prefix: string;
  readonly encryption: S3Encryption;
  readonly requests: S3Requests;
  readonly runtime: Runtime;
  /** For tests: the size of a part. */
  readonly partBytes?: number;
}

export class Multipart {
  readonly #options: MultipartOptions;
  readonly #partBytes: number;

  constructor(options: MultipartOptions) {
    this.#options = options;
    this.#partBytes = options.partBytes ?? PART_BYTES;
  }

  /** Puts an object; its key has the store's prefix. Errors: ObjectStoreError, of the kinds that a put of one request has. */
  async put(objectKey: string, parts: readonly Uint8Array[], isConditional: boolean): Promise<void> {
    const operation = isConditional ? "putIfAbsent" : "put";
    const uploadId = await this.#create(objectKey);
    try {
      const uploaded = await this.#uploadAll(objectKey, uploadId, this.#bodies(parts));
      await this.#complete(objectKey, uploadId, uploaded, operation);
    } catch (error) {
      await this.#abort(objectKey, uploadId);
      throw error;
    }
  }

  /** Whether the server refuses to complete an upload over an object that is there. `objectKey` is that of one which is. Errors: ObjectStoreError. */
  async honoursCondition(objectKey: string): Promise<boolean> {
    try {
      await this.put(objectKey, [Buffer.from("a probe; may be deleted\n")], true);
      return false;
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
      if (error.kind === "exists") return true;
      // It says that it cannot: some refuse the header, others the whole of it.
      if (error.kind === "unavailable" || s3Failure(error.cause).status === 501) return false;
      throw error;
    }
  }

  /** Aborts uploads that were begun long ago. What fails is left for the next time. */
  async abortAbandoned(): Promise<void> {
    const { client, bucket, prefix, requests, runtime } = this.#options;
    try {
      const { Uploads = [] } = await requests.run("list", prefix, 0, (abortSignal) =>
        client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix }), { abortSignal }),
      );
      for (const { Key, UploadId, Initiated } of Uploads) {
        const isOld = Initiated !== undefined && runtime.clock.wallMs() - Initiated.getTime() > ABANDONED_MS;
        if (isOld && Key !== undefined && UploadId !== undefined) await this.#abort(Key, UploadId);
      }
    } catch (error) {
      if (!(error instanceof ObjectStoreError)) throw error;
    }
  }

  async #create(objectKey: string): Promise<string> {
    const { client, bucket, encryption, requests } = this.#options;
    // An upload that was begun has no effect under the key, whatever becomes of the answer.
    const { UploadId } = await asWithoutEffect(
      requests.run("put", objectKey, 0, (abortSignal) =>
        client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: objectKey, ...encryption }), {
          abortSignal,
        }),
      ),
    );
    if (UploadId === undefined)
      throw new ObjectStoreError("unavailable", `put ${objectKey}: the server began an upload and did not name it`);
    return UploadId;
  }

  async #uploadAll(objectKey: string, uploadId: string, bodies: readonly Uint8Array[][]): Promise<CompletedPart[]> {
    const uploaded: CompletedPart[] = [];
    let next = 0;
    let failed = false;
    const uploadOn = async () => {
      while (next < bodies.length && !failed) {
        const index = next++;
        try {
          uploaded[index] = await this.#upload(objectKey, uploadId, index + 1, bodies[index]);
        } catch (error) {
          failed = true;
          throw error;
        }
      }
    };
    const outcomes = await Promise.allSettled(
      Array.from({ length: Math.min(CONCURRENT_PARTS, bodies.length) }, uploadOn),
    );
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    return uploaded;
  }

  async #upload(
    objectKey: string,
    uploadId: string,
    PartNumber: number,
    pieces: readonly Uint8Array[],
  ): Promise<CompletedPart> {
    const { client, bucket, requests, runtime } = this.#options;
    const payload = await payloadOf(pieces, runtime);
    const command = withHash(
      new UploadPartCommand({
        Bucket: bucket,
        Key: objectKey,
        UploadId: uploadId,
        PartNumber,
        Body: payload.body,
        ContentLength: payload.bytes,
      }),
      payload,
    );
    const { ETag } = await asWithoutEffect(
      requests.run("put", `part ${PartNumber} of ${objectKey}`, payload.bytes, (abortSignal) =>
        client.send(command, { abortSignal }),
      ),
    );
    return { PartNumber, ...(ETag === undefined ? {} : { ETag }) };
  }

  async #complete(
    objectKey: string,
    uploadId: string,
    Parts: CompletedPart[],
    operation: "put" | "putIfAbsent",
  ): Promise<void> {
    const { client, bucket, requests } = this.#options;
    await requests.run(operation, objectKey, 0, (abortSignal) =>
      client.send(
        new CompleteMultipartUploadCommand({
          Bucket: bucket,
          Key: objectKey,
          UploadId: uploadId,
          MultipartUpload: { Parts },
          ...(operation === "putIfAbsent" ? { IfNoneMatch: "*" } : {}),
        }),
        { abortSignal },
      ),
    );
  }

  /** Of one that has been completed after all, it is refused. */
  async #abort(objectKey: string, uploadId: string): Promise<void> {
    const { client, bucket, requests } = this.#options;
    await requests
      .run("delete", objectKey, 0, (abortSignal) =>
        client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: objectKey, UploadId: uploadId }), {
          abortSignal,
        }),
      )
      .catch(() => undefined); // Whoever starts later clears it away.
  }

  /** The object, cut into bodies of parts; an empty one has a part, too. */
  #bodies(parts: readonly Uint8Array[]): Uint8Array[][] {
    const bodies: Uint8Array[][] = [[]];
    let left = this.#partBytes;
    for (const part of parts) {
      for (let at = 0; at < part.length; ) {
        if (left === 0) {
          bodies.push([]);
          left = this.#partBytes;
        }
        const taken = part.subarray(at, at + left);
        bodies[bodies.length - 1].push(taken);
        at += taken.length;
        left -= taken.length;
      }
    }
    return bodies;
  }
}

/** What fails before an upload is completed has certainly put nothing under the key. */
async function asWithoutEffect<T>(request: Promise<T>): Promise<T> {
  try {
    return await request;
  } catch (error) {
    if (error instanceof ObjectStoreError && error.kind === "ambiguous")
      throw new ObjectStoreError("unavailable", error.message, { cause: error.cause });
    throw error;
  }
}
