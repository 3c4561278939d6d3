// Counts of a port since it was opened: for INFO and metrics.

export class Stats {
  connections = 0;
  rejected = 0;
  commands = 0;
  bytesIn = 0;
  bytesOut = 0;
  /** Dropped for what they did not take. */
  slowClients = 0;
  blocked = 0;
}
