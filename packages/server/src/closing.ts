// When a connection, or the answer of a request, is no more.

interface Closing {
  readonly destroyed: boolean;
  once(event: "close", listener: () => void): unknown;
  off(event: "close", listener: () => void): unknown;
}

/** Calls back when `what` closes (at once if it has); the answer takes the callback off. */
export function onceClosed(what: Closing, callback: () => void): () => void {
  if (what.destroyed) {
    callback();
    return () => undefined;
  }
  what.once("close", callback);
  return () => {
    what.off("close", callback);
  };
}
