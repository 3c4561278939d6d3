// A peer's process on a fresh directory, ended and removed with it.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "../servers/server.ts";

const START_DEADLINE_MS = 10_000;

export interface PeerProcess {
  readonly port: number;
  stop(): Promise<void>;
}

/** What a command prints; undefined when it is not there. */
export function outputOf(command: string, args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: "utf8" });
  return status === 0 ? stdout : undefined;
}

/** Resolves when it takes connections. What `argsOf` throws, this rejects with. */
export async function startProcess(
  command: string,
  argsOf: (port: number, directory: string) => readonly string[],
  deadlineMs = START_DEADLINE_MS,
): Promise<PeerProcess> {
  const directory = mkdtempSync(join(tmpdir(), "tailrace-bench-peer-"));
  const port = await freePort();
  const child = spawn(
    command,
    argumentsOf(() => argsOf(port, directory), directory),
    { stdio: "ignore" },
  );
  const kill = () => child.kill("SIGKILL");
  process.on("exit", kill);
  const stop = async () => {
    if (child.exitCode === null) {
      kill();
      await once(child, "exit");
    }
    process.off("exit", kill);
    rmSync(directory, { recursive: true });
  };
  for (const untilMs = performance.now() + deadlineMs; performance.now() < untilMs; await sleep(20))
    if (await listens(port)) return { port, stop };
  await stop();
  throw new Error(`${command} did not start`);
}

/** A directory that is not going to be used is not left behind. */
function argumentsOf(make: () => readonly string[], directory: string): readonly string[] {
  try {
    return make();
  } catch (error) {
    rmSync(directory, { recursive: true });
    throw error;
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}
