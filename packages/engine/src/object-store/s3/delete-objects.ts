// S3's request for deleting many objects at once, and how to tell a server that does not offer it. Decides nothing about what is deleted.
import { createHash } from "node:crypto";
import { DeleteObjectsCommand, type S3Client } from "@aws-sdk/client-s3";
import { ObjectStoreError } from "../object-store.ts";
import { s3ErrorKind, s3Failure } from "./s3-errors.ts";

/** An object of a request that may still be there. */
export interface Undeleted {
  /** As in the bucket: with the store's prefix. */
  readonly objectKey: string;
  readonly error: ObjectStoreError;
}

/** Codes with which servers refuse the request as such, and not what it asks for: GCS until 2026, gateways, old Ceph. With status 400. */
const UNSUPPORTED_CODES: ReadonlySet<string> = new Set([
  "InvalidArgument",
  "InvalidDigest",
  "InvalidRequest",
  "MalformedXML",
  "MissingContentMD5",
  "NotImplemented",
  "XNotImplemented",
]);
const UNSUPPORTED_STATUSES: ReadonlySet<number> = new Set([405, 411, 501]);

/** Sends the request. Errors: the client's. */
export async function deleteObjects(
  client: S3Client,
  bucket: string,
  objectKeys: readonly string[],
  abortSignal: AbortSignal,
): Promise<Undeleted[]> {
  const command = new DeleteObjectsCommand({
    Bucket: bucket,
    Delete: { Objects: objectKeys.map((Key) => ({ Key })), Quiet: true },
  });
  // Servers older than the SDK's own checksums ask for this one; others may be given both.
  command.middlewareStack.add(
    (next) => (args) => {
      const { request } = args;
      if (typeof request === "object" && request !== null && "headers" in request && "body" in request) {
        const { headers, body } = request;
        if (typeof body === "string" || body instanceof Uint8Array)
          // The type of an HTTP request is the SDK's own, and it has these two.
          (headers as Record<string, string>)["content-md5"] = createHash("md5").update(body).digest("base64");
      }
      return next(args);
    },
    { step: "build", priority: "low", name: "contentMd5" },
  );
  const { Errors = [] } = await client.send(command, { abortSignal });
  const undeleted: Undeleted[] = [];
  for (const { Key = "", Code = "", Message = "" } of Errors) {
    // Some servers say so; it is what was asked for.
    if (Code === "NoSuchKey") continue;
    const status = Code === "AccessDenied" ? 403 : 500;
    const kind = s3ErrorKind({ status, code: Code }, "delete");
    undeleted.push({ objectKey: Key, error: new ObjectStoreError(kind, `delete ${Key}: ${Message} (${Code})`) });
  }
  return undeleted;
}

/** Whether the server refuses to delete many at once: then nothing was deleted. */
export function isUnsupported(error: unknown): boolean {
  const { status, code } = s3Failure(error);
  return UNSUPPORTED_STATUSES.has(status) || (status === 400 && UNSUPPORTED_CODES.has(code));
}
