// The public surface of the package.
export { type HttpLogger, type HttpOptions, HttpServer } from "./http/server.ts";
export type { RespLogger } from "./resp/context.ts";
export { type ListenOptions, RespServer } from "./resp/server.ts";
export { Store, type StoreOptions, type Transaction } from "./store/store.ts";
