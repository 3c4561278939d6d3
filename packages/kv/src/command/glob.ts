// Redis's patterns: `*`, `?`, `[a-c]`, `[^a]`, and `\` before a character meant as it is. Matched in time of pattern × text at
// most, whatever the pattern, and over all texts that are held against it in a bounded number of steps.
import { Steps } from "./steps.ts";

/** Tells whether a text matches. Throws `CommandError` once all that it was asked took more steps than there were. */
export type Glob = (text: string) => boolean;

type Token =
  | { readonly kind: "any" }
  | { readonly kind: "one" }
  | { readonly kind: "literal"; readonly code: number }
  | { readonly kind: "class"; readonly negated: boolean; readonly ranges: readonly (readonly [number, number])[] };

export function glob(pattern: string, steps = new Steps()): Glob {
  return globWithin(pattern, steps);
}

/** For a pattern that is kept: whoever keeps it bounds its length, and that of the texts. */
export function keptGlob(pattern: string): Glob {
  return globWithin(pattern, new Steps(Number.POSITIVE_INFINITY));
}

function globWithin(pattern: string, steps: Steps): Glob {
  if (pattern === "*") return () => true;
  const tokens = parse(pattern);
  // Redis looks at no pattern where there is no text.
  return (text) => (text === "" ? pattern === "" : matches(tokens, text, steps));
}

/** With one way back: to the last `*`, which then takes a character more. */
function matches(tokens: readonly Token[], text: string, steps: Steps): boolean {
  let token = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  let taken = 0;
  const { left } = steps;
  while (at < text.length && taken <= left) {
    const current = tokens[token];
    taken += current?.kind === "class" ? current.ranges.length + 1 : 1;
    if (current?.kind === "any") {
      star = token;
      starAt = at;
      token += 1;
    } else if (current !== undefined && accepts(current, text.charCodeAt(at))) {
      token += 1;
      at += 1;
    } else if (star >= 0) {
      starAt += 1;
      at = starAt;
      token = star + 1;
    } else {
      steps.take(taken);
      return false;
    }
  }
  steps.take(taken);
  while (tokens[token]?.kind === "any") token += 1;
  return token === tokens.length;
}

function accepts(token: Token, code: number): boolean {
  switch (token.kind) {
    case "any":
      return false;
    case "one":
      return true;
    case "literal":
      return token.code === code;
    case "class":
      return token.ranges.some(([low, high]) => code >= low && code <= high) !== token.negated;
  }
}

function parse(pattern: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < pattern.length) {
    const character = pattern[at];
    if (character === "*") {
      if (tokens.at(-1)?.kind !== "any") tokens.push({ kind: "any" });
      at += 1;
    } else if (character === "?") {
      tokens.push({ kind: "one" });
      at += 1;
    } else if (character === "[") {
      at = parseClass(pattern, at + 1, tokens);
    } else {
      if (character === "\\" && at + 1 < pattern.length) at += 1;
      tokens.push({ kind: "literal", code: pattern.charCodeAt(at) });
      at += 1;
    }
  }
  return tokens;
}

/** From behind the `[`; gives where the pattern goes on. One that is not closed ends with the pattern. */
function parseClass(pattern: string, from: number, tokens: Token[]): number {
  let at = from;
  const negated = pattern[at] === "^";
  if (negated) at += 1;
  const ranges: [number, number][] = [];
  while (at < pattern.length && pattern[at] !== "]") {
    if (pattern[at] === "\\" && at + 1 < pattern.length) {
      at += 1;
      ranges.push([pattern.charCodeAt(at), pattern.charCodeAt(at)]);
      at += 1;
    } else if (pattern[at + 1] === "-" && at + 2 < pattern.length) {
      const ends = [pattern.charCodeAt(at), pattern.charCodeAt(at + 2)];
      ranges.push([Math.min(...ends), Math.max(...ends)]);
      at += 3;
    } else {
      ranges.push([pattern.charCodeAt(at), pattern.charCodeAt(at)]);
      at += 1;
    }
  }
  tokens.push({ kind: "class", negated, ranges });
  return at + 1;
}
