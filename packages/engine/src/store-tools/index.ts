// The public surface of the store's tools: what an operator does to a deployment that nobody need be serving.

export { viewWithLog, withLog } from "../log-home.ts";
export { type CheckOptions, type CheckProgress, type CheckReport, checkStore } from "./check.ts";
export {
  type Collectable,
  type CollectOptions,
  type CollectReport,
  collectGarbage,
  findGarbage,
  type GarbageProgress,
} from "./collect-garbage.ts";
export { type CopyOptions, type CopyProgress, type CopyReport, copyStore, deploymentIn } from "./copy-store.ts";
export { CopyTarget, CopyTargetError, type CopyTargetOptions } from "./copy-target.ts";
export type { Finding, Findings } from "./findings.ts";
export type { Garbage } from "./garbage.ts";
export type { StoredObject } from "./inventory.ts";
export { logOf } from "./log-of.ts";
export { LogMoveError, type MoveLogOptions, type MoveLogReport, moveLog } from "./move-log.ts";
export { type PlanOptions, planRepair, RepairError, type RepairPlan } from "./plan-repair.ts";
export { type RepairOptions, type RepairReport, repair } from "./repair.ts";
export { type ObjectCount, type StatsOptions, type StoreStats, storeStats } from "./stats.ts";
export { SurveyError } from "./survey.ts";
export { StoreInUseError } from "./tenure.ts";
