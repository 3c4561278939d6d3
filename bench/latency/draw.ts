// Draws distributions of latencies: one panel a load, a line a server, over a logarithmic axis of milliseconds.
import { document, PANEL_STEP, panel } from "../plot/panel.ts";
import { SERVERS } from "../plot/servers.ts";
import type { LatencyCurve } from "./curve.ts";

const TOP = 44;

/** A whole SVG document. */
export function drawCurves(curves: readonly LatencyCurve[]): string {
  const loads = [...new Set(curves.map(({ load }) => load))];
  const parts = loads.map((load, i) => {
    const own = curves.filter((each) => each.load === load);
    const lines = SERVERS.flatMap(({ server, name, colour }) => {
      const curve = own.find((each) => each.server === server);
      if (curve === undefined) return [];
      return [{ name, colour, points: curve.curve.map(([fraction, ms]) => ({ x: ms, y: fraction })) }];
    });
    const all = own.flatMap(({ curve }) => curve.map(([, ms]) => ms));
    const axis = { from: Math.min(...all), to: Math.max(...all), logarithmic: true, label: "ms" };
    return panel(load, lines, axis, TOP + i * PANEL_STEP, 1);
  });
  return document(
    "The part of acknowledgements that took at most so long, file store",
    TOP + loads.length * PANEL_STEP,
    parts,
  );
}
