// Figures of a replica and its ports for Prometheus. Those of the store and the Redis port are gathered when asked for: nothing
// is counted for their sake.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { RespServer } from "../resp/server.ts";
import type { Store } from "../store/store.ts";
import { healthOf } from "./health.ts";

export interface MetricsSource {
  /** Undefined until it has caught up. */
  readonly store: () => Store | undefined;
  readonly redis?: RespServer | undefined;
  /** Clients that watch. */
  readonly watches: () => number;
}

const PREFIX = "tailrace_kv_";
const LATENCY_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

type Reading = readonly [name: string, help: string, read: () => number | Promise<number>];

function gauges({ store, redis, watches }: MetricsSource): readonly Reading[] {
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
    ["history_bytes", "What the remembered changes take, estimated.", () => store()?.history.bytes ?? 0],
    ["watches", "Clients that watch over HTTP.", watches],
    ["clients", "Connections to the Redis port.", () => redis?.clients ?? 0],
    ["blocked_clients", "Connections that wait in a blocking command.", () => redis?.stats.blocked ?? 0],
  ];
}

function counters({ redis }: MetricsSource): readonly Reading[] {
  if (redis === undefined) return [];
  const { stats } = redis;
  return [
    ["connections_total", "Connections that came.", () => stats.connections],
    ["rejected_connections_total", "Of those, refused for their number.", () => stats.rejected],
    ["commands_total", "Commands that were begun.", () => stats.commands],
    ["received_bytes_total", "Bytes of commands.", () => stats.bytesIn],
    ["sent_bytes_total", "Bytes of replies and messages.", () => stats.bytesOut],
    ["slow_clients_total", "Connections dropped for what they did not take.", () => stats.slowClients],
  ];
}

export class HttpMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<"method" | "route" | "status">;
  readonly #seconds: Histogram<"method" | "route">;

  constructor(source: MetricsSource) {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, help, read] of gauges(source)) {
      const collect = async function (this: Gauge): Promise<void> {
        this.set(await read());
      };
      new Gauge({ name: PREFIX + name, help, registers, collect });
    }
    for (const [name, help, read] of counters(source)) {
      const collect = async function (this: Counter): Promise<void> {
        const value = await read();
        this.reset();
        this.inc(value);
      };
      new Counter({ name: PREFIX + name, help, registers, collect });
    }
    this.#requests = new Counter({
      name: `${PREFIX}http_requests_total`,
      help: "Requests that were answered, by route and status.",
      labelNames: ["method", "route", "status"],
      registers,
    });
    this.#seconds = new Histogram({
      name: `${PREFIX}http_request_seconds`,
      help: "From a request's head to the end of its answer; watches are not in it.",
      labelNames: ["method", "route"],
      buckets: LATENCY_SECONDS,
      registers,
    });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** `seconds`: undefined for an answer that goes on. */
  answered(method: string, route: string, status: number, seconds: number | undefined): void {
    this.#requests.inc({ method, route, status });
    if (seconds !== undefined) this.#seconds.observe({ method, route }, seconds);
  }
}
