// The public surface of the server.
export { type RunningServer, type ServerOptions, startServer } from "./server.ts";
export type { TlsFiles } from "./plain-port.ts";
