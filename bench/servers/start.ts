// Starts the servers that are compared, each with its own defaults, on a fresh store of the given kind.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NODE_FLAGS } from "../../scripts/node-flags.js";
import type { StoreKind } from "../options.ts";
import { CountedS3 } from "./counted-s3.ts";
import { BenchServer, freePort, type ServerName } from "./server.ts";

const MAIN = join(import.meta.dirname, "../../packages/cli/src/main.ts");

/** Where a server is to keep its data. */
type Place =
  | { readonly kind: "memory" }
  | { readonly kind: "file"; readonly directory: string }
  | { readonly kind: "s3"; readonly s3: CountedS3 };

/** `memory` bounds what Tailrace keeps of records. Undefined when there is nothing to keep data in: no S3 server. */
export async function startServer(
  name: ServerName,
  kind: StoreKind,
  memory: string | undefined,
): Promise<BenchServer | undefined> {
  const place = await placeOf(kind);
  if (place === undefined) return undefined;
  const s3 = place.kind === "s3" ? place.s3 : undefined;
  const aws = s3 === undefined ? {} : { ...s3.server.env, AWS_ENDPOINT: s3.server.endpoint, AWS_ALLOW_HTTP: "true" };
  const port = await freePort();
  const [command, args] = name === "tailrace" ? tailrace(place, port, memory) : s2Lite(place, port);
  const launch = () => {
    const child = spawn(command, args, { env: { ...process.env, ...aws }, stdio: ["ignore", "ignore", "ignore"] });
    const kill = () => child.kill("SIGKILL");
    process.on("exit", kill);
    child.once("exit", () => process.off("exit", kill));
    return child;
  };
  const cleanUp = async () => {
    await s3?.stop();
    if (place.kind === "file") rmSync(place.directory, { recursive: true });
  };
  const server = new BenchServer(name, `http://127.0.0.1:${port}`, launch, s3, cleanUp);
  try {
    await server.healthy();
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

async function placeOf(kind: StoreKind): Promise<Place | undefined> {
  switch (kind) {
    case "memory":
      return { kind };
    case "file":
      return { kind, directory: mkdtempSync(join(tmpdir(), "tailrace-bench-")) };
    case "s3": {
      const s3 = await CountedS3.start();
      return s3 === undefined ? undefined : { kind, s3 };
    }
  }
}

function tailrace(place: Place, port: number, memory: string | undefined): [string, string[]] {
  const store =
    place.kind === "memory"
      ? "memory:"
      : place.kind === "file"
        ? `file:${place.directory}`
        : `s3://${place.s3.server.bucket}/bench`;
  const serve = ["serve", "--listen", `127.0.0.1:${port}`, "--store", store, "--log-level", "warn"];
  if (memory !== undefined) serve.push("--memory", memory);
  return [process.execPath, [...NODE_FLAGS, MAIN, ...serve]];
}

function s2Lite(place: Place, port: number): [string, string[]] {
  const store =
    place.kind === "memory"
      ? []
      : place.kind === "file"
        ? ["--local-root", place.directory]
        : ["--bucket", place.s3.server.bucket, "--path", "bench"];
  return ["s2", ["lite", "--port", String(port), ...store]];
}
