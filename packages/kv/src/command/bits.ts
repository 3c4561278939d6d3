import type { CommandSpec } from "./spec.ts";

export const BIT_COMMANDS: readonly CommandSpec[] = [];
