// The API without HTTP around it: from a request's head to its answer, for a shell of another kind (simulation has one).

export { Audit } from "./access/audit.ts";
export { Authenticator } from "./access/authenticator.ts";
export { Answering, type RequestHead } from "./answering.ts";
export type { Reply, Session } from "./api-request.ts";
export { readBody } from "./body.ts";
export { Drain } from "./drain.ts";
export { Metrics } from "./metrics.ts";
export { DEFAULT_PRICES } from "./prices.ts";
export { type AppendQuotaOptions, AppendQuotas } from "./quota/append-quotas.ts";
export { piecesOf } from "./reply-body.ts";
export { Router } from "./router.ts";
export { FrameDecoder, frameHeader } from "./s2s/frame.ts";
export { FrameMemory } from "./s2s/frame-memory.ts";
export { FairShare } from "./session/fair-share.ts";
export { StreamOutput } from "./session/output.ts";
export { Unfinished } from "./unfinished.ts";
