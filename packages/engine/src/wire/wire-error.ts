// What a decoder says of input that is not what it should be.

/** `bad_proto` and `bad_json`: it does not parse. `invalid`: it parses, and breaks a rule of the API. */
export type WireErrorCode = "bad_proto" | "bad_json" | "invalid" | "bad_frame";

export class WireError extends Error {
  readonly code: WireErrorCode;
  constructor(code: WireErrorCode, message: string) {
    super(message);
    this.name = "WireError";
    this.code = code;
  }
}
