// The public face of the wire: layouts and codecs, and nothing that knows a store or a stream.
export * from "./append-batch.ts";
export * from "./position.ts";
export * from "./record-cursor.ts";
export * from "./stored-batch.ts";
export * from "./wire-error.ts";
