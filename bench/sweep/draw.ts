// Draws a sweep: one panel a figure, a line a server.
import { document, PANEL_STEP, panel } from "../plot/panel.ts";
import type { ServerName } from "../servers/server.ts";
import type { SweepPoint } from "./point.ts";
import type { Sweep } from "./sweeps.ts";

const TOP = 44;
const SERVERS: readonly { readonly server: ServerName; readonly name: string; readonly colour: string }[] = [
  { server: "tailrace", name: "Tailrace", colour: "#1f6feb" },
  { server: "s2-lite", name: "S2 Lite", colour: "#cf222e" },
];

/** A whole SVG document. `points` are those of the sweep. */
export function draw({ name, of, sizes, drawn }: Sweep, points: readonly SweepPoint[]): string {
  const axis = {
    from: Math.min(...sizes),
    to: Math.max(...sizes),
    logarithmic: true,
    label: `${name}, to ${sizes.at(-1)}`,
  };
  const parts = drawn.map((figure, i) => {
    const lines = SERVERS.map(({ server, name: shown, colour }) => ({
      name: shown,
      colour,
      points: points
        .filter((point) => point.server === server)
        .map((point) => ({ x: point.size, y: point.figures[figure] ?? Number.NaN })),
    })).filter((line) => line.points.length > 0);
    return panel(figure, lines, axis, TOP + i * PANEL_STEP);
  });
  return document(of, TOP + drawn.length * PANEL_STEP, parts);
}
