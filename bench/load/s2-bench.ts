// `s2 bench`: offered throughput on one stream, with acknowledgement and end-to-end latencies, and a catch-up read.
import type { Figures } from "../report.ts";
import { runLoad } from "./run.ts";

export async function s2Bench(url: string, basin: string, targetMiBps: number, secs: number): Promise<Figures> {
  const env = { S2_ACCOUNT_ENDPOINT: url, S2_BASIN_ENDPOINT: url, S2_ACCESS_TOKEN: "any" };
  const args = ["bench", basin, "-t", String(targetMiBps), "-d", `${secs}s`, "-w", "1s"];
  const output = await runLoad("s2", args, env, secs * 1000 + 120_000);
  const number = (pattern: RegExp) => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const row = (name: string) => {
    const match = new RegExp(`^${name} +: +([0-9.]+)(µs|ms|s) +${name} +: +([0-9.]+)(µs|ms|s)`, "m").exec(output);
    const ms = (value: string | undefined, unit: string | undefined) =>
      Number(value) * (unit === "s" ? 1000 : unit === "ms" ? 1 : 0.001);
    return [ms(match?.[1], match?.[2]), ms(match?.[3], match?.[4])];
  };
  const [ackP50, tailP50] = row("p50");
  const [ackP99, tailP99] = row("p99");
  const [ackMax] = row("max");
  const writtenMiBps = number(/^Write: ([0-9.]+) MiB/m);
  return {
    writtenMiB: writtenMiBps * secs,
    "write MiB/s": writtenMiBps,
    "ack p50 ms": ackP50,
    "ack p99 ms": ackP99,
    "ack max ms": ackMax,
    "tail p50 ms": tailP50,
    "tail p99 ms": tailP99,
    "catch-up MiB/s": number(/^Catchup: ([0-9.]+) MiB/m),
  };
}
