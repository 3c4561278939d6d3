// A real `tailrace serve` or `tailrace kv serve` under test: started on a free port, killed, stopped and continued at will, never left behind.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { NODE_FLAGS } from "../../scripts/node-flags.js";

const ROOT = join(import.meta.dirname, "../..");
/** The command itself, without the launcher: signals go to the process that serves. */
const MAIN = join(ROOT, "packages/cli/src/main.ts");

export interface ServeSetup {
  /** Undefined where the command keeps nothing itself. */
  readonly store?: string;
  /** The command and its address; `serve` without. */
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export class TailraceProcess {
  readonly child: ChildProcess;
  /** `http://127.0.0.1:PORT`, or `redis://…`, once `started` has resolved. */
  url = "";
  output = "";
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  private constructor(child: ChildProcess) {
    this.child = child;
    this.exited = once(child, "exit").then(([code, signal]) => ({ code, signal }));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (text: string) => {
        this.output += text;
      });
    }
  }

  /** Starts without waiting. */
  static spawn(setup: ServeSetup): TailraceProcess {
    const { command = ["serve", "--listen", "127.0.0.1:0"], store } = setup;
    const args = [...NODE_FLAGS, MAIN, ...command, ...(store === undefined ? [] : ["--store", store])];
    const child = spawn(process.execPath, [...args, "--log-level", "warn", ...(setup.args ?? [])], {
      env: { ...process.env, UV_THREADPOOL_SIZE: "8", ...setup.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const started = new TailraceProcess(child);
    const end = () => child.kill("SIGKILL");
    process.on("exit", end);
    void started.exited.then(() => process.off("exit", end));
    return started;
  }

  /** Starts, and resolves once it says where it listens: by then it answers. */
  static async start(setup: ServeSetup): Promise<TailraceProcess> {
    const started = TailraceProcess.spawn(setup);
    await started.listening();
    return started;
  }

  /** Rejects with what it printed when it ends before it listens. */
  async listening(): Promise<void> {
    const { stdout } = this.child;
    if (stdout === null) throw new Error("its output is not captured");
    while (this.url === "") {
      const ended = await Promise.race([once(stdout, "data").then(() => false), this.exited.then(() => true)]);
      const match = /listens on ((?:https?|rediss?):\/\/\S+)/.exec(this.output);
      if (match !== null) this.url = match[1];
      else if (ended) throw new Error(`tailrace ended before it listened:\n${this.output}`);
    }
  }

  /** Resolves once it has printed something like this. */
  async says(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.output)) {
      const outputs = [this.child.stdout, this.child.stderr].filter((stream) => stream !== null);
      const printed = Promise.race(outputs.map((stream) => once(stream, "data").then(() => true)));
      if (!(await Promise.race([printed, this.exited.then(() => false)]))) {
        throw new Error(`tailrace ended without saying ${pattern}:\n${this.output}`);
      }
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** `kill -9`, unless it has ended. */
  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGKILL");
    await this.exited;
  }

  /** SIGTERM; the exit code. */
  async stop(): Promise<number | null> {
    this.child.kill("SIGTERM");
    return (await this.exited).code;
  }
}
