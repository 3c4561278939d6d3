// Draws a soak: one panel a figure, over time.
import { type Axis, document, PANEL_STEP, panel } from "../plot/panel.ts";
import type { Sample } from "./sample.ts";

const TOP = 44;

interface Drawn {
  readonly figure: keyof Sample;
  readonly colour: string;
}

const PANELS: readonly { readonly title: string; readonly lines: readonly Drawn[] }[] = [
  {
    title: "memory, MiB",
    lines: [
      { figure: "rssMiB", colour: "#1f6feb" },
      { figure: "heapUsedMiB", colour: "#8250df" },
    ],
  },
  { title: "open descriptors", lines: [{ figure: "openFds", colour: "#1a7f37" }] },
  {
    title: "acknowledgement, ms",
    lines: [
      { figure: "ackP50Ms", colour: "#1f6feb" },
      { figure: "ackP99Ms", colour: "#cf222e" },
    ],
  },
  {
    title: "from sent to seen by a follower, ms",
    lines: [
      { figure: "tailP50Ms", colour: "#1f6feb" },
      { figure: "tailP99Ms", colour: "#cf222e" },
    ],
  },
];

/** A whole SVG document. */
export function plot(samples: readonly Sample[], caption: string): string {
  const endSecs = samples.at(-1)?.atSecs ?? 1;
  const axis: Axis = { from: 0, to: endSecs, logarithmic: false, label: `${(endSecs / 60).toFixed(0)} min` };
  const parts = PANELS.map(({ title, lines }, i) => {
    const drawn = lines.map(({ figure, colour }) => ({
      name: figure,
      colour,
      points: samples.map((sample) => ({ x: sample.atSecs, y: sample[figure] })),
    }));
    return panel(title, drawn, axis, TOP + i * PANEL_STEP);
  });
  return document(caption, TOP + PANELS.length * PANEL_STEP, parts);
}
