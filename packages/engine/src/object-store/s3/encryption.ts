// How the server is to encrypt objects at rest: what people write, and what requests say.
import type { ServerSideEncryption } from "@aws-sdk/client-s3";
import { StoreOpenError } from "../store-open-error.ts";

/** Fields of every request that makes an object. */
export interface S3Encryption {
  readonly ServerSideEncryption?: ServerSideEncryption;
  readonly SSEKMSKeyId?: string;
}

const KMS = /^(aws:kms|aws:kms:dsse)(?:=(\S+))?$/;

/** `AES256`, `aws:kms`, `aws:kms:dsse`, either of these with `=KEY`; undefined leaves it to the bucket. Errors: StoreOpenError. */
export function parseS3Encryption(text: string | undefined): S3Encryption {
  if (text === undefined) return {};
  if (text === "AES256") return { ServerSideEncryption: "AES256" };
  const match = KMS.exec(text);
  if (match === null)
    throw new StoreOpenError(
      `"${text}" is no encryption of S3: it must be AES256, aws:kms, aws:kms=KEY or aws:kms:dsse=KEY`,
    );
  // The pattern has these two and no other.
  const kind = match[1] as ServerSideEncryption;
  return { ServerSideEncryption: kind, ...(match[2] === undefined ? {} : { SSEKMSKeyId: match[2] }) };
}
