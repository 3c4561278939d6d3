// Draws a sweep: one panel a figure, a line a server.
import { document, PANEL_STEP, type Point, panel } from "../plot/panel.ts";
import { SERVERS } from "../plot/servers.ts";
import type { SweepPoint } from "./point.ts";
import type { Sweep } from "./sweeps.ts";

const TOP = 44;

/** A whole SVG document. `points` are those of the sweep, at least one; a figure that none has is not drawn. */
export function drawSweep({ name, of, drawn }: Sweep, points: readonly SweepPoint[]): string {
  const sizes = points.map(({ size }) => size);
  const axis = { from: Math.min(...sizes), to: Math.max(...sizes), logarithmic: true, label: `${name}` };
  const shown = drawn.filter((figure) => points.some(({ figures }) => Number.isFinite(figures[figure])));
  const parts = shown.map((figure, i) => {
    const lines = SERVERS.map(({ server, name: label, colour }) => ({
      name: label,
      colour,
      points: points.filter((point) => point.server === server).map((point) => pointOf(point, figure)),
    })).filter((line) => line.points.length > 0);
    return panel(figure, lines, axis, TOP + i * PANEL_STEP);
  });
  return document(of, TOP + shown.length * PANEL_STEP, parts);
}

function pointOf({ size, figures, spread }: SweepPoint, figure: string): Point {
  const between = spread?.[figure];
  const point = { x: size, y: figures[figure] ?? Number.NaN };
  return between === undefined ? point : { ...point, between };
}
