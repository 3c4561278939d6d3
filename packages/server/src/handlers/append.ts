// Append: one batch, or a session of them (API: append).
import {
  type AppendInput,
  ackJson,
  encodeAppendAck,
  parseAppendInput,
  parseAppendInputJson,
} from "@tailrace/engine/wire";
import { appendTarget, requireBatch } from "../access/targets.ts";
import { type Answer, type ApiRequest, JSON_TYPE, PROTOBUF_TYPE } from "../api-request.ts";
import type { Context } from "../context.ts";
import { accepted, acceptedCompression, contentType, recordFormat, requireJson } from "../media.ts";
import { AppendSession } from "../s2s/append-session.ts";
import { traceAppend } from "../tracing.ts";
import { streamOpening } from "./stream-opening.ts";

export async function append(context: Context, request: ApiRequest): Promise<Answer> {
  const { basin, stream } = appendTarget(request);
  const opening = streamOpening(request);
  const type = contentType(request);
  if (type === "s2s") {
    const compression = acceptedCompression(request.header("accept-encoding"));
    const appender = await context.engine.openAppender(basin, stream, opening);
    const session = new AppendSession(context, request, basin, appender, compression);
    return { kind: "session", contentType: "s2s/proto", run: (output) => session.run(output) };
  }
  const startedMs = context.runtime.clock.monotonicMs();
  let input: AppendInput;
  if (type === "protobuf") input = parseAppendInput(await request.readBody());
  else {
    requireJson(request);
    const format = recordFormat(request);
    input = parseAppendInputJson(await request.readBody(), format);
  }
  requireBatch(request.access, input.batch);
  context.quotas.admit(request.access, basin, input.batch.meteredBytes);
  const acknowledged = context.engine.append(basin, stream, input, opening);
  if (request.span !== undefined) traceAppend(request.span, input.batch, acknowledged);
  const ack = await acknowledged;
  context.metrics.appendAckSeconds.observe((context.runtime.clock.monotonicMs() - startedMs) / 1000);
  context.metrics.appendBatchRecords.observe(input.batch.count);
  context.metrics.appendBatchBytes.observe(input.batch.meteredBytes);
  return accepted(request) === "protobuf"
    ? { kind: "reply", status: 200, contentType: PROTOBUF_TYPE, body: [encodeAppendAck(ack)] }
    : { kind: "reply", status: 200, contentType: JSON_TYPE, body: ackJson(ack) };
}
