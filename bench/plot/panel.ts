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
  readonly points: readonly Point[];
}

export interface Point {
  readonly x: number;
  readonly y: number;
  /** From where to where it lay when measured more than once: drawn as a bar. */
  readonly between?: readonly [number, number];
}

export interface Axis {
  readonly from: number;
  readonly to: number;
  /** With a line at every power of ten, and between them where they are few. */
  readonly logarithmic: boolean;
  /** What stands below its end. */
  readonly label: string;
}

/** `top`: of the frame; the title stands above it. `highest`: of the values, when it is known; else a bit above the largest. */
export function panel(title: string, lines: readonly Line[], axis: Axis, top: number, highest?: number): string {
  const scale = (value: number) => (axis.logarithmic ? Math.log10(value) : value);
  const span = scale(axis.to) - scale(axis.from) || 1;
  const x = (value: number) => LEFT + ((WIDTH - LEFT - RIGHT) * (scale(value) - scale(axis.from))) / span;
  const finite = lines.map((line) => ({ ...line, points: line.points.filter(({ y }) => Number.isFinite(y)) }));
  const tops = finite.flatMap(({ points }) => points.map(({ y, between }) => Math.max(y, between?.[1] ?? y)));
  const max = highest ?? 1.1 * Math.max(1e-9, ...tops);
  const y = (value: number) => top + PANEL_HEIGHT * (1 - value / max);
  const drawn = finite.map(({ name, colour, points }, i) => {
    const path = points.map((point) => `${x(point.x).toFixed(1)},${y(point.y).toFixed(1)}`).join(" ");
    const label = `<text x="${WIDTH - RIGHT + 8}" y="${top + 14 + 16 * i}" fill="${colour}">${name}</text>`;
    const bars = points.flatMap((point) => {
      if (point.between === undefined) return [];
      const [from, to] = point.between;
      const at = x(point.x).toFixed(1);
      return [
        `<path stroke="${colour}" stroke-opacity="0.5" stroke-width="3" d="M${at} ${y(from).toFixed(1)}V${y(to).toFixed(1)}"/>`,
      ];
    });
    return [...bars, `<polyline fill="none" stroke="${colour}" points="${path}"/>${label}`].join("\n");
  });
  const bottom = top + PANEL_HEIGHT;
  const ticks = axis.logarithmic ? ticksOf(axis.from, axis.to) : [];
  return [
    `<text x="${LEFT}" y="${top - 6}">${title}</text>`,
    `<rect x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="${PANEL_HEIGHT}" fill="none" stroke="#d0d7de"/>`,
    `<text x="${LEFT - 6}" y="${top + 10}" text-anchor="end">${max.toFixed(max < 10 ? 1 : 0)}</text>`,
    `<text x="${LEFT - 6}" y="${bottom}" text-anchor="end">0</text>`,
    ...ticks.map((value) => {
      const at = x(value).toFixed(1);
      const mark = `<path stroke="#eaeef2" d="M${at} ${top}V${bottom}"/>`;
      return `${mark}<text x="${at}" y="${bottom + 14}" text-anchor="middle" fill="#57606a">${value.toLocaleString("en")}</text>`;
    }),
    `<text x="${WIDTH - RIGHT + 28}" y="${bottom + 14}">${axis.label}</text>`,
    ...drawn,
  ].join("\n");
}

function ticksOf(from: number, to: number): number[] {
  const [first, last] = [Math.floor(Math.log10(from)), Math.ceil(Math.log10(to))];
  const steps = last - first > 3 ? [1] : [1, 2, 5];
  const all = Array.from({ length: last - first + 1 }, (_, i) =>
    steps.map((step) => Number((step * 10 ** (first + i)).toPrecision(1))),
  );
  return all.flat().filter((value) => value >= from && value <= to);
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
