// If-Match and If-None-Match: entity tags are revisions in quotes. As comparisons for the log to decide, and of a value that was
// read.
import type { IncomingHttpHeaders } from "node:http";
import type { Comparison } from "../command/transactions.ts";
import { badRequest } from "./errors.ts";

/** What a header names: any version at all, or some revisions. */
type Tags = "*" | readonly number[];

const TAG = /^\s*(W\/)?"([^"]*)"\s*$/;

export interface Conditions {
  readonly match: Tags | undefined;
  readonly noneMatch: Tags | undefined;
}

/** Throws `ApiError`. */
export function conditionsOf(headers: IncomingHttpHeaders): Conditions {
  return {
    // A weak tag promises too little to be written over.
    match: tagsOf(headers["if-match"], "if-match", false),
    noneMatch: tagsOf(headers["if-none-match"], "if-none-match", true),
  };
}

export function entityTag(revision: number): string {
  return `"${revision}"`;
}

/** For the log; undefined where no state of the key meets them. */
export function comparisonsOf(key: string, { match, noneMatch }: Conditions): readonly Comparison[] | undefined {
  const comparisons: Comparison[] = [];
  if (match === "*") comparisons.push({ key, target: "exists", exists: true });
  else if (match?.length === 0) return undefined;
  else if (match !== undefined) comparisons.push({ key, target: "revision", is: "=", revisions: match });
  if (noneMatch === "*") comparisons.push({ key, target: "exists", exists: false });
  else if (noneMatch !== undefined && noneMatch.length > 0) {
    comparisons.push({ key, target: "revision", is: "!=", revisions: noneMatch });
  }
  return comparisons;
}

/** What they say about a value of that revision. */
export function verdictOn(revision: number, { match, noneMatch }: Conditions): "met" | "failed" | "not-modified" {
  if (match !== undefined && match !== "*" && !match.includes(revision)) return "failed";
  if (noneMatch !== undefined && (noneMatch === "*" || noneMatch.includes(revision))) return "not-modified";
  return "met";
}

function tagsOf(header: string | undefined, name: string, takesWeak: boolean): Tags | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === "*") return "*";
  const revisions: number[] = [];
  for (const part of header.split(",")) {
    const tag = TAG.exec(part);
    if (tag === null) throw badRequest(`${name} must be * or a list of entity tags in quotes`);
    const [, weak, opaque] = tag;
    const revision = Number(opaque);
    // Others are no tags of ours: no version has them. Nor has any key the revision 0.
    if (/^[1-9]\d{0,15}$/.test(opaque) && Number.isSafeInteger(revision) && (takesWeak || weak === undefined))
      revisions.push(revision);
  }
  return revisions;
}
