// Read: one batch, or a session over S2S or SSE (API: read). And check-tail.
import type { Position } from "@tailrace/engine/wire";
import { encodeReadBatchTail, positionJson, readBatchJson } from "@tailrace/engine/wire";
import { streamTarget } from "../access/targets.ts";
import { type Answer, type ApiRequest, JSON_TYPE, PROTOBUF_TYPE, type Reply } from "../api-request.ts";
import type { Context } from "../context.ts";
import { serverDraining } from "../drain.ts";
import { accepted, acceptedCompression, contentType, type MediaType, recordFormat } from "../media.ts";
import { ReadSession } from "../s2s/read-session.ts";
import { resumed } from "../sse/resume.ts";
import { SseSession } from "../sse/sse-session.ts";
import { readOptions } from "./read-options.ts";
import { streamOpening } from "./stream-opening.ts";

export async function read(context: Context, request: ApiRequest): Promise<Answer> {
  const { basin, stream } = streamTarget(request, "read");
  const opening = streamOpening(request);
  if (contentType(request) === "s2s") {
    const reader = await context.engine.openReader(basin, stream, readOptions(request, "session"), opening);
    const session = new ReadSession(context, request, reader, acceptedCompression(request.header("accept-encoding")));
    return { kind: "session", contentType: "s2s/proto", run: (output) => session.run(output) };
  }
  const form = accepted(request);
  const format = recordFormat(request);
  if (form === "event-stream") {
    const { options, delivered } = resumed(readOptions(request, "session"), request.header("last-event-id"));
    const reader = await context.engine.openReader(basin, stream, options, opening);
    const session = new SseSession(context, request, reader, format, delivered);
    return { kind: "session", contentType: "text/event-stream", run: (output) => session.run(output) };
  }
  const options = readOptions(request, "unary");
  const reader = await context.engine.openReader(basin, stream, options, opening);
  const close = () => reader.close();
  const offEnd = request.access.onEnd(close);
  // Nobody waits on behalf of a client that has gone, nor when the server is about to stop.
  const { drain } = context;
  const offs = options.waitMs === undefined ? [] : [request.onGone(close), drain.onDrain(close)];
  const event = await reader.next().finally(() => {
    for (const off of [offEnd, ...offs]) off();
  });
  request.access.assertLive();
  if (event.kind !== "batch" && options.waitMs !== undefined && drain.draining) throw serverDraining();
  const slices = event.kind === "batch" ? event.slices : [];
  const tail = event.kind === "batch" ? event.tail : null;
  return batchReply(slices, tail, form, format);
}

function batchReply(
  slices: readonly Uint8Array[],
  tail: Position | null,
  form: MediaType,
  format: "raw" | "base64",
): Reply {
  if (form === "protobuf") {
    const body = () => (tail === null ? slices : [...slices, encodeReadBatchTail(tail)]);
    return { kind: "reply", status: 200, contentType: PROTOBUF_TYPE, body };
  }
  return { kind: "reply", status: 200, contentType: JSON_TYPE, body: () => readBatchJson(slices, tail, format) };
}

/** Clients poll with it: most answers are there at once. */
export function checkTail(context: Context, request: ApiRequest): Reply | Promise<Reply> {
  const { basin, stream } = streamTarget(request, "check-tail");
  const tail = context.engine.tailAtOnce(basin, stream);
  return tail === undefined ? context.engine.checkTail(basin, stream).then(tailReply) : tailReply(tail);
}

function tailReply(tail: Position): Reply {
  return { kind: "reply", status: 200, contentType: JSON_TYPE, body: `{"tail":${positionJson(tail)}}` };
}
