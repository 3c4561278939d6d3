// The public surface of the package.
export { HttpPort } from "./http/http-port.ts";
export type { RespLogger } from "./resp/context.ts";
export { type ListenOptions, RespServer } from "./resp/server.ts";
export { Store, type StoreOptions, type Transaction } from "./store/store.ts";
