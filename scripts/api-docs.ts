// The part of docs/api.md that is made from the description of the API: `node scripts/api-docs.ts` writes it, a test compares it.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DESCRIBED, type OperationDescription } from "../packages/server/src/openapi/operations.ts";

export const API_DOC = join(import.meta.dirname, "../docs/api.md");
const BEGIN = "<!-- What follows is made by scripts/api-docs.ts: change packages/server/src/openapi instead. -->";
const END = "<!-- Until here. -->";
const TAGS = ["basins", "streams", "records", "access tokens", "metrics", "locations"] as const;

/** The text with its made part made anew. */
export function renewed(text: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error("docs/api.md has lost the marks around what is made");
  return `${text.slice(0, begin + BEGIN.length)}\n\n${operations()}\n${text.slice(end)}`;
}

function operations(): string {
  return TAGS.map((tag) => {
    const described = DESCRIBED.filter((operation) => operation.tag === tag);
    return [`### ${tag[0].toUpperCase()}${tag.slice(1)}`, ...described.map(section)].join("\n\n");
  }).join("\n\n");
}

function section(operation: OperationDescription): string {
  const { id, method, path, summary, description, parameters, body, answers, errors, curl, sdk } = operation;
  const lines = [`#### ${id}`, "", `\`${method} ${path}\`: ${summary}`];
  if (description !== undefined) lines.push("", description);
  lines.push("");
  for (const parameter of parameters) {
    const where = parameter.in === "path" ? "in the path" : parameter.in;
    lines.push(
      `- \`${parameter.name}\` (${where}${parameter.required && parameter.in !== "path" ? ", required" : ""}): ${parameter.description}`,
    );
  }
  if (body !== undefined) lines.push(`- body${body.required ? "" : " (may be left out)"}: \`${body.schema}\``);
  for (const [status, { schema, when }] of Object.entries(answers))
    lines.push(`- ${status}${schema === null ? "" : ` \`${schema}\``}: ${when}`);
  if (errors.length > 0) lines.push(`- errors of its own: ${errors.map((code) => `\`${code}\``).join(", ")}`);
  lines.push("", "```sh", curl, "```", "", "```ts", sdk, "```");
  return lines.join("\n");
}

if (import.meta.main) writeFileSync(API_DOC, renewed(readFileSync(API_DOC, "utf8")));
