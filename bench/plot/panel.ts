// One panel of a plot, as SVG: lines over a common axis. No more than a picture needs.

export const WIDTH = 900;
export const PANEL_HEIGHT = 130;
/** From one panel to the next. */
export const PANEL_STEP = PANEL_HEIGHT + 40;
const LEFT = 60;
const RIGHT = 150;

export interface Line {
  readonly name: string;
  readonly colour: string;
  /** Those whose y is not finite are left out. */
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export interface Axis {
  readonly from: number;
  readonly to: number;
  readonly logarithmic: boolean;
  /** What stands below its end. */
  readonly label: string;
}

/** `top`: of the frame; the title stands above it. */
export function panel(title: string, lines: readonly Line[], axis: Axis, top: number): string {
  const scale = (value: number) => (axis.logarithmic ? Math.log10(value) : value);
  const span = scale(axis.to) - scale(axis.from) || 1;
  const x = (value: number) => LEFT + ((WIDTH - LEFT - RIGHT) * (scale(value) - scale(axis.from))) / span;
  const finite = lines.map((line) => ({ ...line, points: line.points.filter(({ y }) => Number.isFinite(y)) }));
  const max = 1.1 * Math.max(1e-9, ...finite.flatMap(({ points }) => points.map(({ y }) => y)));
  const y = (value: number) => top + PANEL_HEIGHT * (1 - value / max);
  const drawn = finite.map(({ name, colour, points }, i) => {
    const path = points.map((point) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`).join(" ");
    const label = `<text x="${WIDTH - RIGHT + 8}" y="${top + 14 + 16 * i}" fill="${colour}">${name}</text>`;
    return `<polyline fill="none" stroke="${colour}" points="${path}"/>${label}`;
  });
  return [
    `<text x="${LEFT}" y="${top - 6}">${title}</text>`,
    `<rect x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="${PANEL_HEIGHT}" fill="none" stroke="#d0d7de"/>`,
    `<text x="${LEFT - 6}" y="${top + 10}" text-anchor="end">${max.toFixed(max < 10 ? 1 : 0)}</text>`,
    `<text x="${LEFT - 6}" y="${top + PANEL_HEIGHT}" text-anchor="end">0</text>`,
    `<text x="${WIDTH - RIGHT}" y="${top + PANEL_HEIGHT + 14}" text-anchor="end">${axis.label}</text>`,
    ...drawn,
  ].join("\n");
}

/** A whole SVG document. */
export function document(caption: string, height: number, parts: readonly string[]): string {
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" font-family="sans-serif" font-size="12">`,
    `<title>${caption}</title>`,
    `<rect width="100%" height="100%" fill="white"/>`,
    `<text x="${LEFT}" y="16">${caption}</text>`,
    ...parts,
    "</svg>\n",
  ].join("\n");
}
