// The public face of the wire: layouts and codecs, and nothing that knows a store or a stream.
export * from "./append-batch.ts";
export { parseAppendInputJson, type RecordFormat } from "./append-input-json.ts";
export { parseAppendInput } from "./append-input-proto.ts";
export { decodeBase64InPlace } from "./base64.ts";
export { ackJson, positionJson, readBatchJson } from "./json-writer.ts";
export { encodeAppendAck, encodeReadBatchTail } from "./messages.ts";
export * from "./position.ts";
export { RecordCursor } from "./record-cursor.ts";
export {
  BODY_TAG,
  storedBatchBytes,
  storedRecordBytes,
  writeRecordPrefix,
  writeStoredBatch,
} from "./stored-batch.ts";
export { varintBytes, writeVarint } from "./varint.ts";
export { WireError, type WireErrorCode } from "./wire-error.ts";
