// The one place where a simulation gives way to the real event loop. Nothing here waits for real time.

/** A turn of the event loop: by its end, every promise job has run. */
export function promiseJobs(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
