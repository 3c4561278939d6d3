// The table of mutants in docs/testing.md, between its two markers.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Catch } from "./hunt.ts";
import type { Mutant } from "./mutants.ts";
import { ROOT } from "./tree.ts";

const DOCUMENT = join(ROOT, "docs/testing.md");
const BEGIN = "<!-- mutants: written by npm run mutants -->";
const END = "<!-- end of mutants -->";

export interface Row {
  readonly mutant: Mutant;
  readonly caught: Catch | undefined;
}

/** `seeds` are those that each was tried with. Errors: Error when the document has no markers. */
export function writeTable(rows: readonly Row[], seeds: number): void {
  const document = readFileSync(DOCUMENT, "utf8");
  const from = document.indexOf(BEGIN);
  const to = document.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${DOCUMENT} has no place for the table of mutants`);
  const cells = [
    ["mutant", "what it breaks", "caught at seed", "by"],
    ...rows.map(({ mutant, caught }) => [
      mutant.name,
      mutant.breaks,
      caught === undefined ? `not by ${seeds}` : String(caught.seed),
      caught?.reason ?? "",
    ]),
  ];
  writeFileSync(DOCUMENT, `${document.slice(0, from)}${BEGIN}\n\n${table(cells)}\n\n${document.slice(to)}`);
}

/** As the formatter wants it: columns as wide as what stands in them. */
function table(cells: readonly (readonly string[])[]): string {
  const escaped = cells.map((row) => row.map((cell) => cell.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").trim()));
  const widths = escaped[0].map((_, column) => Math.max(...escaped.map((row) => row[column].length)));
  const line = (row: readonly string[]) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(" | ")} |`;
  const rule = widths.map((width) => "-".repeat(width));
  const [head, ...body] = escaped;
  return [head, rule, ...body].map(line).join("\n");
}
