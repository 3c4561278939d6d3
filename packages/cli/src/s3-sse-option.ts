// `--s3-sse`: how an S3 server is to encrypt what is put, for every command that writes to a store.
import { parseS3Encryption, StoreOpenError } from "@tailrace/engine/object-store";
import { InvalidArgumentError, Option } from "commander";

export function s3SseOption(): Option {
  return new Option(
    "--s3-sse <how>",
    "how S3 is to encrypt objects: AES256, aws:kms, aws:kms=KEY or aws:kms:dsse=KEY; without, as the bucket has it",
  )
    .env("TAILRACE_S3_SSE")
    .argParser((text) => {
      try {
        parseS3Encryption(text);
        return text;
      } catch (error) {
        throw error instanceof StoreOpenError ? new InvalidArgumentError(error.message) : error;
      }
    });
}
