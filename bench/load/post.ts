// Requests over a few kept connections, as many at once as there are connections.
import { Agent, request } from "node:http";

export interface Posted {
  readonly path: string;
  readonly body: Buffer;
}

/** Sends what `next` gives until it gives undefined, and tells how long each answer took. Rejects when a request is not answered with 200. */
export async function postAll(
  url: string,
  connections: number,
  headers: Readonly<Record<string, string>>,
  next: (connection: number) => Posted | undefined,
  onAnswered: (tookMs: number) => void = () => undefined,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const post = ({ path, body }: Posted) =>
    new Promise<void>((resolve, reject) => {
      const withLength = { ...headers, "content-length": body.length };
      const outgoing = request(url + path, { method: "POST", agent, headers: withLength });
      outgoing.on("response", (answer) => {
        answer.resume();
        if (answer.statusCode !== 200) reject(new Error(`${path} was answered ${answer.statusCode}`));
        answer.on("end", resolve);
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  const postOn = async (_: unknown, connection: number) => {
    for (let posted = next(connection); posted !== undefined; posted = next(connection)) {
      const fromMs = performance.now();
      await post(posted);
      onAnswered(performance.now() - fromMs);
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, postOn));
  } finally {
    agent.destroy();
  }
}
