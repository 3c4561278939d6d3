// Starts the servers that are compared, each with its own defaults, on a fresh store of the given kind.
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Versitygw } from "../../test/support/versitygw.ts";
import type { StoreKind } from "../options.ts";
import { BenchServer, freePort } from "./server.ts";

const MAIN = join(import.meta.dirname, "../../packages/cli/src/main.ts");
let stores = 0;

export type ServerName = "tailrace" | "s2-lite";

/** `s3` must be there for stores of that kind. */
export async function startServer(name: ServerName, kind: StoreKind, s3: Versitygw | undefined): Promise<BenchServer> {
  const port = await freePort();
  const directory = kind === "file" ? mkdtempSync(join(tmpdir(), "tailrace-bench-")) : "";
  const prefix = `${name}-${stores++}`;
  const aws = kind === "s3" && s3 !== undefined ? { ...s3.env, AWS_ENDPOINT: s3.endpoint, AWS_ALLOW_HTTP: "true" } : {};
  const [command, args] =
    name === "tailrace" ? tailrace(kind, port, directory, s3, prefix) : s2Lite(kind, port, directory, s3, prefix);
  const child = spawn(command, args, { env: { ...process.env, ...aws }, stdio: ["ignore", "ignore", "ignore"] });
  process.on("exit", () => child.kill("SIGKILL"));
  const server = new BenchServer(name, `http://127.0.0.1:${port}`, child);
  await server.healthy();
  return server;
}

function tailrace(
  kind: StoreKind,
  port: number,
  directory: string,
  s3: Versitygw | undefined,
  prefix: string,
): [string, string[]] {
  const store = kind === "memory" ? "memory:" : kind === "file" ? `file:${directory}` : `s3://${s3?.bucket}/${prefix}`;
  return [
    process.execPath,
    [
      "--disable-warning=ExperimentalWarning",
      MAIN,
      "serve",
      "--listen",
      `127.0.0.1:${port}`,
      "--store",
      store,
      "--log-level",
      "warn",
    ],
  ];
}

function s2Lite(
  kind: StoreKind,
  port: number,
  directory: string,
  s3: Versitygw | undefined,
  prefix: string,
): [string, string[]] {
  const store =
    kind === "memory"
      ? []
      : kind === "file"
        ? ["--local-root", directory]
        : ["--bucket", s3?.bucket ?? "", "--path", prefix];
  return ["s2", ["lite", "--port", String(port), ...store]];
}
