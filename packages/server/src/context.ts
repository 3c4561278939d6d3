// What handlers work with besides the request.
import type { EngineApi } from "@tailrace/engine";
import type { Runtime } from "@tailrace/engine/runtime";
import type { Audit } from "./access/audit.ts";
import type { Drain } from "./drain.ts";
import type { Metrics } from "./metrics.ts";
import type { Prices } from "./prices.ts";
import type { AppendQuotas } from "./quota/append-quotas.ts";
import type { FrameMemory } from "./s2s/frame-memory.ts";
import type { Unfinished } from "./unfinished.ts";

export interface Context {
  readonly engine: EngineApi;
  readonly runtime: Runtime;
  readonly metrics: Metrics;
  readonly drain: Drain;
  readonly audit: Audit;
  readonly prices: Prices;
  readonly quotas: AppendQuotas;
  /** Where what clients have sent in part is counted. */
  readonly unfinished: Unfinished;
  readonly frameMemory: FrameMemory;
}
