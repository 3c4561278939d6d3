// A history that breaks an invariant, for people.
import type { Event, Outcome } from "./explore.ts";
import { WORLD } from "./model.ts";

const NAMES = ["A", "B", "C"];

export function describeEvent({ actor, what, number }: Event): string {
  const text = number < 0 ? what : `${what} ${number}`;
  if (actor === WORLD) return text;
  // Of a delivery, the process is whose it is: "B: its fence arrives at place 3".
  return what.startsWith("its ") || what.startsWith("the other ")
    ? `${NAMES[actor]}: ${text}`
    : `${NAMES[actor]} ${text}`;
}

export function describeViolation(violation: NonNullable<Outcome["violation"]>): string {
  const lines = violation.history.map((event, i) => `${String(i + 1).padStart(4)}  ${describeEvent(event)}`);
  return [...lines, `      ${violation.invariant}`].join("\n");
}
