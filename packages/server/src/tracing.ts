// What the server does, as spans, for whoever wants to see it: by default nobody, and then nothing is done for it.
// Tells names, sizes, statuses and codes; never a secret, and nothing of a record.
import type { AppendAck } from "@tailrace/engine";
import type { AppendBatch } from "@tailrace/engine/wire";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** A request of the API, from its head to its answer. */
export interface RequestSpan {
  /** What it turned out to be. */
  set(attributes: SpanAttributes): void;
  /** Something that is done on its behalf from now until `work` settles, which may be after its own end. `of` says what came of it. */
  during<T>(name: string, attributes: SpanAttributes, work: Promise<T>, of?: (value: T) => SpanAttributes): void;
  /** It is answered; `error` is the code of a refusal or a failure. Once. */
  end(status: number, error?: string): void;
}

export interface Tracing {
  /** A request has come. `header` gives what says of which trace it is a part (W3C Trace Context). */
  request(method: string, path: string, header: (name: string) => string | undefined): RequestSpan;
}

/** The span of a request that was routed is called by method and route. */
export const ROUTE_ATTRIBUTE = "http.route";

/** An append, until it is durable and acknowledged: `place` is where in the log its chunk stands. */
export function traceAppend(span: RequestSpan, batch: AppendBatch, acknowledged: Promise<AppendAck>): void {
  const attributes = { "tailrace.records": batch.count, "tailrace.bytes": batch.meteredBytes };
  span.during("append", attributes, acknowledged, ({ start, place }) => ({
    "tailrace.first_seq_num": start.seqNum,
    "tailrace.place": place,
  }));
}
