// Draws a soak as SVG: one panel a figure over time. No more than a picture needs.
import type { Sample } from "./sample.ts";

const WIDTH = 900;
const PANEL_HEIGHT = 130;
const LEFT = 60;
const RIGHT = 150;
const TOP = 24;

interface Line {
  readonly figure: keyof Sample;
  readonly colour: string;
}

const PANELS: readonly { readonly title: string; readonly lines: readonly Line[] }[] = [
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
  const height = TOP + PANELS.length * (PANEL_HEIGHT + 40);
  const endSecs = samples.at(-1)?.atSecs ?? 1;
  const x = (secs: number) => LEFT + ((WIDTH - LEFT - RIGHT) * secs) / endSecs;
  const parts = PANELS.map(({ title, lines }, panel) => {
    const top = TOP + 20 + panel * (PANEL_HEIGHT + 40);
    const values = lines.flatMap(({ figure }) => samples.map((sample) => sample[figure]).filter(Number.isFinite));
    const max = 1.1 * Math.max(1, ...values);
    const y = (value: number) => top + PANEL_HEIGHT * (1 - value / max);
    const drawn = lines.map(({ figure, colour }, i) => {
      const points = samples
        .filter((sample) => Number.isFinite(sample[figure]))
        .map((sample) => `${x(sample.atSecs).toFixed(1)},${y(sample[figure]).toFixed(1)}`);
      const label = `<text x="${WIDTH - RIGHT + 8}" y="${top + 14 + 16 * i}" fill="${colour}">${figure}</text>`;
      return `<polyline fill="none" stroke="${colour}" points="${points.join(" ")}"/>${label}`;
    });
    return [
      `<text x="${LEFT}" y="${top - 6}">${title}</text>`,
      `<rect x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="${PANEL_HEIGHT}" fill="none" stroke="#d0d7de"/>`,
      `<text x="${LEFT - 6}" y="${top + 10}" text-anchor="end">${max.toFixed(0)}</text>`,
      `<text x="${LEFT - 6}" y="${top + PANEL_HEIGHT}" text-anchor="end">0</text>`,
      `<text x="${WIDTH - RIGHT}" y="${top + PANEL_HEIGHT + 14}" text-anchor="end">${(endSecs / 60).toFixed(0)} min</text>`,
      ...drawn,
    ].join("\n");
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<title>${caption}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${LEFT}" y="16">${caption}</text>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}
