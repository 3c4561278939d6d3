// How the SDK's client is set up: where it connects to, and what it must not do by itself.
import type { S3ClientConfig } from "@aws-sdk/client-s3";

/** A server that takes longer to accept a connection is not there. */
const CONNECTION_TIMEOUT_MS = 3_000;
/** More than puts in flight, reads of history and listings together ask for. */
const MAX_SOCKETS = 256;
/** What a server at a custom endpoint is told when nobody names a region: most do not care. */
const DEFAULT_REGION = "us-east-1";
const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export interface S3ClientOptions {
  /** Default: AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, else AWS. */
  readonly endpoint?: string;
  /** Default: the SDK's own search (AWS_REGION, profile), `us-east-1` at a custom endpoint. */
  readonly region?: string;
  /** The bucket in the path, not in the host name. Default: when there is a custom endpoint. */
  readonly forcePathStyle?: boolean;
  /** Default: the SDK's own search (environment, profile, instance). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** From options, and from the standard AWS environment where they leave something out. */
export function clientConfig(options: S3ClientOptions): S3ClientConfig {
  const { AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION, AWS_DEFAULT_REGION } = process.env;
  const endpoint = options.endpoint ?? (AWS_ENDPOINT_URL_S3 || AWS_ENDPOINT_URL || undefined);
  const named = options.region ?? (AWS_REGION || AWS_DEFAULT_REGION || undefined);
  const region = named ?? (endpoint === undefined ? undefined : DEFAULT_REGION);
  return {
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(options.credentials === undefined ? {} : { credentials: options.credentials }),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    maxAttempts: 1,
    // Our objects carry their own checksums, and the payload's SHA-256 is signed.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // Waiting for "100 Continue" would cost a round trip and a connection of its own.
    expectContinueHeader: false,
    logger: SILENT,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      httpAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      httpsAgent: { keepAlive: true, maxSockets: MAX_SOCKETS },
      logger: SILENT,
    },
  };
}
