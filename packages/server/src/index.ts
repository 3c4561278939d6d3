// The public surface of the server.

export type { StoreMeter } from "./metrics.ts";
export type { TlsFiles } from "./plain-port.ts";
export { DEFAULT_PRICES, type Prices } from "./prices.ts";
export type { AppendQuotaOptions, AppendRates } from "./quota/append-quotas.ts";
export { type RunningServer, type ServerOptions, startServer } from "./server.ts";
export { type RequestSpan, ROUTE_ATTRIBUTE, type SpanAttributes, type Tracing } from "./tracing.ts";
