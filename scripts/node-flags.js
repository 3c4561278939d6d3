// How Node is to run Tailrace: the flags that the command, the benchmark and the tests of whole processes give it.
import { totalmem } from "node:os";

const MIB = 1024 * 1024;

// Nearly all of our memory is buffers, and by default V8 marks its whole heap anew for every 64 MiB of them: several times
// a second under load, for a heap of 20 MiB. This much may be taken, garbage included, before the first full collection.
const memoryBytes = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
const INITIAL_HEAP_MIB = Math.min(512, Math.floor(memoryBytes / 8 / MIB));

export const NODE_FLAGS = [
  // Of node:sqlite, which holds the file store's lock.
  "--disable-warning=ExperimentalWarning",
  `--initial-heap-size=${INITIAL_HEAP_MIB}`,
  // A first start compiles for half a second; the next ones, and the first requests that they serve, need not.
  `--import=${new URL("compile-cache.js", import.meta.url)}`,
];
