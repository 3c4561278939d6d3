// Runs a child in this process's place: passes signals on, and ends as the child ended.
import { spawn } from "node:child_process";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"];

/** Resolves with the child's exit code; a child that was killed by a signal ends this process by the same signal. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: "inherit", ...options });
    const forward = (signal) => child.kill(signal);
    for (const signal of SIGNALS) process.on(signal, forward);
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      for (const each of SIGNALS) process.off(each, forward);
      if (signal !== null) process.kill(process.pid, signal);
      else resolve(code);
    });
  });
}
