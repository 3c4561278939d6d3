// What the benchmark asks of every log that somebody might use instead: to be started with each append synced before it is answered, and to be
// written to and followed through the client that its users have.

export interface PeerClient {
  /** Resolves once the record is durable. Many may be on their way. */
  append(body: string): Promise<void>;
  /** Calls back with every record that comes from now on, in order. Resolves when it follows. */
  follow(onRecord: (body: string) => void): Promise<void>;
  close(): Promise<void>;
}

export interface Peer {
  readonly name: string;
  connect(): Promise<PeerClient>;
  stop(): Promise<void>;
}

/** Starts a peer on a fresh store; a string says why that cannot be done on this machine. */
export type StartPeer = () => Promise<Peer | string>;
