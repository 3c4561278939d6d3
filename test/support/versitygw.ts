// Starts a real S3 server for tests: versitygw over a directory of its own, on a free port of the loopback.
// Owns its process and its directory. Never fails a test for want of the program: then there is no server, and it says so.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { once } from "node:events";
import { constants } from "node:fs";
import { access, mkdir, mkdtemp, rm } from "node:fs/promises";
import { connect, createServer, Socket } from "node:net";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";

export const VERSITYGW_MISSING = "no versitygw on the PATH or in Go's bin directory: tests against S3 are skipped";

/** Ample even on a busy machine; it takes 100 ms. */
const START_TIMEOUT_MS = 15_000;
const POLL_MS = 20;
/** Another process may take the free port before the server does. */
const START_ATTEMPTS = 3;
const BUCKET = "tailrace-test";
/** Below what Linux and macOS give to outgoing connections. */
const PORTS_FROM = 20_000;
const PORTS_TO = 32_000;

export interface Versitygw {
  /** `http://127.0.0.1:PORT`, the same over stops and starts. */
  readonly endpoint: string;
  /** An empty bucket that is there. */
  readonly bucket: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
  /** The standard AWS environment for a process that is to use the server. */
  readonly env: Readonly<Record<string, string>>;
  /** Where the server keeps its buckets: one directory each. */
  readonly directory: string;
  /** Undefined between `kill` and `restart`. */
  readonly pid: number | undefined;
  /** SIGSTOP: connections are accepted by the kernel, and nothing answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** SIGKILL; resolves when it is dead. Connections are refused from then on. */
  kill(): Promise<void>;
  /** After `kill`: the same directory, port and credentials. */
  restart(): Promise<void>;
  /** Ends it and removes its directory. */
  stop(): Promise<void>;
}

export interface VersitygwOptions {
  /** Where it writes a line for each request; nowhere by default. */
  readonly accessLog?: string;
  /** Where it keeps its buckets; a temporary one by default. Removed when it is stopped. */
  readonly directory?: string;
}

/** Undefined when the program is not installed. */
export async function startVersitygw(options: VersitygwOptions = {}): Promise<Versitygw | undefined> {
  const program = await findVersitygw();
  if (program === undefined) return undefined;
  const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "tailrace-s3-")));
  await mkdir(join(directory, BUCKET), { recursive: true });
  for (let attempt = 1; ; attempt++) {
    const server = new VersitygwProcess(program, directory, await freePort(), options);
    try {
      await server.restart();
      return server;
    } catch (error) {
      if (attempt < START_ATTEMPTS) continue;
      await server.stop();
      throw error;
    }
  }
}

export async function findVersitygw(): Promise<string | undefined> {
  const directories = (process.env.PATH ?? "").split(delimiter);
  const goPath = await promisify(execFile)("go", ["env", "GOPATH"]).then(
    ({ stdout }) => stdout.trim(),
    () => "", // No Go here.
  );
  directories.push(join(goPath === "" ? join(homedir(), "go") : goPath, "bin"));
  for (const directory of directories) {
    if (directory === "") continue;
    const program = join(directory, "versitygw");
    const executable = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (executable) return program;
  }
  return undefined;
}

class VersitygwProcess implements Versitygw {
  readonly endpoint: string;
  readonly bucket = BUCKET;
  readonly credentials = { accessKeyId: "tailrace", secretAccessKey: randomBytes(16).toString("hex") };
  readonly directory: string;
  readonly #program: string;
  readonly #port: number;
  readonly #options: VersitygwOptions;
  #child: ChildProcess | undefined;

  constructor(program: string, directory: string, port: number, options: VersitygwOptions) {
    this.#program = program;
    this.directory = directory;
    this.#port = port;
    this.#options = options;
    this.endpoint = `http://127.0.0.1:${port}`;
  }

  get env(): Readonly<Record<string, string>> {
    return {
      AWS_ENDPOINT_URL: this.endpoint,
      AWS_REGION: "us-east-1",
      AWS_ACCESS_KEY_ID: this.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: this.credentials.secretAccessKey,
    };
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  pause(): void {
    this.#child?.kill("SIGSTOP");
  }

  resume(): void {
    this.#child?.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async restart(): Promise<void> {
    await this.kill();
    const { accessLog } = this.#options;
    const log = accessLog === undefined ? [] : ["--access-log", accessLog];
    const child = spawn(
      this.#program,
      ["--quiet", "--keep-alive", ...log, "--port", `127.0.0.1:${this.#port}`, "posix", this.directory],
      {
        stdio: ["ignore", "ignore", "pipe"],
        env: {
          ...process.env,
          ROOT_ACCESS_KEY: this.credentials.accessKeyId,
          ROOT_SECRET_KEY: this.credentials.secretAccessKey,
        },
      },
    );
    this.#child = child;
    // A test that dies must not leave a server behind.
    const killAtExit = () => child.kill("SIGKILL");
    process.once("exit", killAtExit);
    child.once("exit", () => process.off("exit", killAtExit));
    let complaint = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      complaint = (complaint + text).slice(-1000);
    });
    let failed = false;
    child.once("error", () => {
      failed = true;
    });
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (!(await accepts(this.#port))) {
      if (failed || child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
        await this.kill();
        throw new Error(`versitygw did not start: ${complaint}`);
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    // It runs until it is stopped; the test's own process need not stay for it.
    child.unref();
    // A pipe of a child is a socket, whatever its type says.
    if (child.stderr instanceof Socket) child.stderr.unref();
  }

  async stop(): Promise<void> {
    await this.kill();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Not one that the system hands out for outgoing connections: while the server is down, nobody else may come by its port. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(PORTS_FROM, PORTS_TO);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    const answer = (accepted: boolean) => {
      socket.destroy();
      resolve(accepted);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
  });
}
