// Preloaded where a property test is to fail and nobody is to learn from it: the first counterexample is the last, and always the same.
import fc from "fast-check";

fc.configureGlobal({ endOnFailure: true, seed: 3 });
