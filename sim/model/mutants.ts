// The deliberate mistakes: rules of the protocol that can be switched off, one by one, in the model alone. For each, the world in
// which the explorer finds what it breaks, and what that is. A model that does not find them would prove nothing.
import type { Invariant } from "./model.ts";
import type { SmallWorld } from "./worlds.ts";

export const MUTANTS = [
  // Writing.
  "acknowledge before durable",
  "acknowledge out of order",
  "refill a place with other bytes",
  "send beyond the window",
  // Taking over.
  "skip the fence",
  "continue inside the old window",
  "take a missing object for the end",
  "skip the listing before the fence",
  "take any contradiction for corruption",
  "skip the second listing",
  "skip the listing after the marker",
  "put an older epoch's marker on top",
  "go on although the log was flushed",
  "skip the wait",
  "skip the wait after someone else's fence",
  "measure the wait by the wall clock",
  "take a pid file for a lock",
  // The lease.
  "answer without a lease",
  "count a lease from the end of the put",
  "count a lease from a retry of the put",
  "count a lease from the end of the get",
  "take an empty place for a lease after a put there",
  "measure the lease by the monotonic clock alone",
  // The release.
  "release before the own wait has ended",
  "release with puts in flight",
  "let a look ahead earn a lease after the release",
  "let a chunk earn a lease after the release",
  // Flushes and collection.
  "cut what is in flight",
  "collect a fence",
  "collect a marker",
  "delete before the manifest is known to be in",
  "delete on an unconfirmed manifest",
  "collect orphans of any epoch",
  "list orphans after seeing the version newest",
] as const;

export type Mutant = (typeof MUTANTS)[number];

export interface MutantCase {
  readonly mutant: Mutant;
  readonly world: SmallWorld;
  readonly breaks: Invariant;
  /**
   * Another line of defence stands behind the rule: harm comes when this one is missing, too. Alone, the mutant breaks nothing in
   * its world, or only an invariant that is there for the argument.
   */
  readonly behindIt?: Mutant;
}

const LOST = "what was told is lost";
const STALE = "an answer is older than what was told";

export const MUTANT_CASES: readonly MutantCase[] = [
  { mutant: "acknowledge before durable", world: "two owners", breaks: LOST },
  { mutant: "acknowledge out of order", world: "two owners", breaks: LOST },
  { mutant: "refill a place with other bytes", world: "two owners", breaks: LOST },
  { mutant: "send beyond the window", world: "a narrow window", breaks: "the log has a hole" },
  { mutant: "skip the fence", world: "two owners", breaks: "the log has a hole" },
  { mutant: "continue inside the old window", world: "two owners", breaks: "the log contradicts itself" },
  { mutant: "take a missing object for the end", world: "a lost object", breaks: STALE },
  { mutant: "skip the listing before the fence", world: "sleepers", breaks: "the log has a hole" },
  {
    mutant: "take any contradiction for corruption",
    world: "a narrow flush",
    breaks: "a healthy log was taken for a corrupt one",
  },
  { mutant: "skip the second listing", world: "a flush", breaks: LOST },
  {
    mutant: "skip the listing after the marker",
    world: "compaction",
    breaks: "what an owner would read is gone",
  },
  {
    mutant: "put an older epoch's marker on top",
    world: "orphans",
    breaks: "an older epoch's manifest came to stand on top",
  },
  { mutant: "go on although the log was flushed", world: "a flush", breaks: "what an owner would read is gone" },
  { mutant: "skip the wait", world: "two owners", breaks: STALE },
  { mutant: "skip the wait after someone else's fence", world: "releases", breaks: STALE },
  { mutant: "measure the wait by the wall clock", world: "clocks", breaks: STALE },
  { mutant: "take a pid file for a lock", world: "a lock", breaks: STALE },
  { mutant: "answer without a lease", world: "two owners", breaks: STALE },
  { mutant: "count a lease from the end of the put", world: "two owners", breaks: STALE },
  { mutant: "count a lease from a retry of the put", world: "two owners", breaks: STALE },
  { mutant: "count a lease from the end of the get", world: "two owners", breaks: STALE },
  { mutant: "take an empty place for a lease after a put there", world: "a flush", breaks: STALE },
  { mutant: "measure the lease by the monotonic clock alone", world: "clocks", breaks: STALE },
  { mutant: "release before the own wait has ended", world: "releases", breaks: STALE },
  {
    mutant: "release with puts in flight",
    world: "releases",
    breaks: STALE,
    behindIt: "let a chunk earn a lease after the release",
  },
  { mutant: "let a look ahead earn a lease after the release", world: "releases", breaks: STALE },
  {
    mutant: "let a chunk earn a lease after the release",
    world: "releases",
    breaks: STALE,
    behindIt: "release with puts in flight",
  },
  { mutant: "cut what is in flight", world: "a narrow flush", breaks: "a chunk counts twice" },
  { mutant: "collect a fence", world: "a flush", breaks: LOST },
  { mutant: "collect a marker", world: "a flush", breaks: "a version was put where a marker had stood" },
  {
    mutant: "collect a marker",
    world: "compaction",
    breaks: "a segment that the newest manifest names is gone",
    behindIt: "delete on an unconfirmed manifest",
  },
  { mutant: "delete before the manifest is known to be in", world: "a flush", breaks: LOST },
  {
    mutant: "delete on an unconfirmed manifest",
    world: "compaction",
    breaks: "a segment that the newest manifest names is gone",
    behindIt: "collect a marker",
  },
  {
    mutant: "collect orphans of any epoch",
    world: "orphans",
    breaks: "a segment that the newest manifest names is gone",
    behindIt: "list orphans after seeing the version newest",
  },
  {
    mutant: "list orphans after seeing the version newest",
    world: "orphans",
    breaks: "a segment that the newest manifest names is gone",
    behindIt: "put an older epoch's marker on top",
  },
];
