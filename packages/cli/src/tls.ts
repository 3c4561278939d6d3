// Certificates for HTTPS: given ones, or one made on the spot.
import { readFile } from "node:fs/promises";
import { createSecureContext } from "node:tls";
import type { TlsFiles } from "@tailrace/server";
import { ExitCode, ExitError } from "./exit-codes.ts";

export interface TlsOptions {
  readonly listen: { readonly host: string };
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsSelf?: boolean;
}

const SELF_SIGNED_DAYS = 365;

/** Undefined: plain HTTP. Errors: ExitError (usage). */
export async function tlsFiles(options: TlsOptions): Promise<TlsFiles | undefined> {
  if (options.tlsSelf === true) return selfSigned(options.listen.host);
  if (options.tlsCert === undefined && options.tlsKey === undefined) return undefined;
  if (options.tlsCert === undefined || options.tlsKey === undefined) {
    throw new ExitError(ExitCode.usage, "--tls-cert and --tls-key go together");
  }
  const files = { cert: await pem(options.tlsCert), key: await pem(options.tlsKey) };
  try {
    createSecureContext(files);
  } catch (error) {
    throw new ExitError(
      ExitCode.usage,
      `${options.tlsCert} and ${options.tlsKey} cannot be used for TLS: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return files;
}

async function pem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new ExitError(
      ExitCode.usage,
      `${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}

async function selfSigned(host: string): Promise<TlsFiles> {
  const { generate } = await import("selfsigned");
  const notAfterDate = new Date(Date.now() + SELF_SIGNED_DAYS * 24 * 60 * 60 * 1000);
  const names = [...new Set(["localhost", "127.0.0.1", "::1", host])];
  const pems = await generate([{ name: "commonName", value: "localhost" }], {
    notAfterDate,
    extensions: [
      {
        name: "subjectAltName",
        altNames: names.map((name) => (/^[0-9.]+$|:/.test(name) ? { type: 7, ip: name } : { type: 2, value: name })),
      },
    ],
  });
  return { cert: pems.cert, key: pems.private };
}
