// The start of an engine as a span: from its first look at the store until it answers, with all that it asks of the store meanwhile.
import type { Engine } from "@tailrace/engine";
import type { OpenTelemetry } from "./open-telemetry.ts";
import type { TracedStore } from "./traced-store.ts";

/** `start` begins the takeover, over `stores`. */
export function tracedTakeover(telemetry: OpenTelemetry, stores: readonly TracedStore[], start: () => Engine): Engine {
  const span = telemetry.work("takeover");
  for (const store of stores) store.parent = span;
  const engine = start();
  const over = (error?: unknown) => {
    for (const store of stores) store.parent = undefined;
    span.end(error);
  };
  engine.started.then(() => {
    const { epoch, streams } = engine.stats();
    span.set({ "tailrace.epoch": epoch, "tailrace.streams": streams });
    over();
  }, over);
  return engine;
}
