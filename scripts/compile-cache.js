// Loaded before Tailrace itself: keeps what Node has stripped and compiled for the next start, in the directory that Node gives all
// programs for that (NODE_COMPILE_CACHE chooses another, NODE_DISABLE_COMPILE_CACHE=1 keeps nothing). Where nothing can be written, nothing is kept.
import { enableCompileCache } from "node:module";

enableCompileCache();
