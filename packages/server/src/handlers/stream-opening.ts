// What a request's headers bring along for the stream that it opens: a config in case it is created, and a key in case it is encrypted.
import { EncryptionKey, type StreamOpening } from "@tailrace/engine";
import type { ApiRequest } from "../api-request.ts";
import { partialStreamConfig } from "../config-json.ts";
import { ApiError } from "../errors.ts";
import { object, parseJson } from "../json-shape.ts";

const NOTHING: StreamOpening = { config: {} };
/** 32 bytes in base64. */
const MAX_KEY_LENGTH = 44;

/** Errors: `bad_header` for whatever is wrong with them. */
export function streamOpening(request: ApiRequest): StreamOpening {
  const config = request.header("s2-stream-config");
  const key = request.header("s2-encryption-key");
  if (config === undefined && key === undefined) return NOTHING;
  return {
    config: config === undefined ? NOTHING.config : streamConfig(config),
    encryptionKey: key === undefined ? undefined : encryptionKey(key),
  };
}

function streamConfig(header: string): StreamOpening["config"] {
  try {
    return partialStreamConfig(object(parseJson(Buffer.from(header, "latin1")), "config"));
  } catch (error) {
    if (error instanceof ApiError) throw new ApiError("bad_header", `s2-stream-config: ${error.message}`);
    throw error;
  }
}

/** Whether it is a key is for the stream to say: one in the clear takes whatever has the length of one. */
function encryptionKey(header: string): EncryptionKey {
  const text = header.trim();
  if (text.length < 1 || text.length > MAX_KEY_LENGTH)
    throw new ApiError("bad_header", `s2-encryption-key has 1 to ${MAX_KEY_LENGTH} characters`);
  return new EncryptionKey(text);
}
