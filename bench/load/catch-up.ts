// One session that reads a stream from its beginning as fast as it is given.
import { Follower } from "./follower.ts";

const MIB = 1024 * 1024;
const LOOK_MS = 2;

/** MiB a second, until `bytes` have come. Rejects when the session ends before. */
export async function catchUp(url: string, basin: string, stream: string, bytes: number): Promise<number> {
  const startMs = performance.now();
  const reader = new Follower({ url, basin, stream, recordBytes: bytes, from: "seq_num=0" });
  try {
    await reader.opened;
    while (reader.bytes < bytes) {
      if (reader.failed !== undefined) throw reader.failed;
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    return reader.bytes / MIB / ((performance.now() - startMs) / 1000);
  } finally {
    reader.close();
  }
}
