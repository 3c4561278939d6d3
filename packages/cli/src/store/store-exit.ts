// How the store's commands end.

/** As `diff` and `fsck` have it: so that a script can tell bad news from no news. */
export const StoreExit = {
  /** Done, and nothing is wrong. */
  ok: 0,
  /** Damage, or a refusal that is the operator's to decide. */
  bad: 1,
  /** It could not be done: no such store, no deployment in it, no answer, somebody else is using it. */
  undone: 2,
} as const;
