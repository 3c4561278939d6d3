// Figures of a replica and its Redis port for Prometheus. Gathered when asked for: nothing is counted for their sake.
import { Counter, Gauge, Registry } from "prom-client";
import type { RespServer } from "../resp/server.ts";
import type { Store } from "../store/store.ts";
import { healthOf } from "./health.ts";

export interface MetricsSource {
  /** Undefined until it has caught up. */
  readonly store: () => Store | undefined;
  readonly redis: RespServer;
}

type Reading = readonly [name: string, help: string, read: () => number | Promise<number>];

function gauges({ store, redis }: MetricsSource): readonly Reading[] {
  const keyspace = () => store()?.keyspace;
  return [
    [
      "healthy",
      "1 if this replica has caught up and reaches the log.",
      async () => ((await healthOf(store())).status === "ok" ? 1 : 0),
    ],
    ["log_position", "Records of the log before this are applied.", () => store()?.replica.next ?? 0],
    ["keys", "Keys.", () => keyspace()?.size ?? 0],
    ["expiring_keys", "Keys that have an expiry.", () => keyspace()?.expiring ?? 0],
    ["memory_bytes", "What keys and values take, estimated.", () => keyspace()?.bytes ?? 0],
    ["memory_limit_bytes", "What they may take; 0: any number.", () => store()?.maxBytes ?? 0],
    ["clients", "Connections to the Redis port.", () => redis.clients],
    ["blocked_clients", "Connections that wait in a blocking command.", () => redis.stats.blocked],
  ];
}

function counters({ redis: { stats } }: MetricsSource): readonly Reading[] {
  return [
    ["connections_total", "Connections that came.", () => stats.connections],
    ["rejected_connections_total", "Of those, refused for their number.", () => stats.rejected],
    ["commands_total", "Commands that were begun.", () => stats.commands],
    ["received_bytes_total", "Bytes of commands.", () => stats.bytesIn],
    ["sent_bytes_total", "Bytes of replies and messages.", () => stats.bytesOut],
    ["slow_clients_total", "Connections dropped for what they did not take.", () => stats.slowClients],
  ];
}

const PREFIX = "tailrace_kv_";

export function metricsOf(source: MetricsSource): Registry {
  const registry = new Registry();
  for (const [name, help, read] of gauges(source)) {
    const collect = async function (this: Gauge): Promise<void> {
      this.set(await read());
    };
    new Gauge({ name: PREFIX + name, help, registers: [registry], collect });
  }
  for (const [name, help, read] of counters(source)) {
    const collect = async function (this: Counter): Promise<void> {
      const value = await read();
      this.reset();
      this.inc(value);
    };
    new Counter({ name: PREFIX + name, help, registers: [registry], collect });
  }
  return registry;
}
