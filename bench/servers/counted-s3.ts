// An S3 server for one server under measurement alone, which writes down every request: counted by the same pen for all.
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startVersitygw, type Versitygw } from "../../test/support/versitygw.ts";

const NEWLINE = 0x0a;
const READ_BYTES = 1024 * 1024;

export class CountedS3 {
  readonly server: Versitygw;
  readonly #directory: string;
  readonly #log: number;
  #read = 0;
  #requests = 0;

  private constructor(server: Versitygw, directory: string, log: number) {
    this.server = server;
    this.#directory = directory;
    this.#log = log;
  }

  /** Undefined when there is no S3 server on this machine. */
  static async start(): Promise<CountedS3 | undefined> {
    const directory = mkdtempSync(join(tmpdir(), "tailrace-bench-s3-"));
    const path = join(directory, "access.log");
    closeSync(openSync(path, "a"));
    const server = await startVersitygw({ accessLog: path });
    if (server === undefined) {
      rmSync(directory, { recursive: true });
      return undefined;
    }
    return new CountedS3(server, directory, openSync(path, "r"));
  }

  /** So far. */
  requests(): number {
    const { size } = fstatSync(this.#log);
    const bytes = Buffer.alloc(READ_BYTES);
    while (this.#read < size) {
      const read = readSync(this.#log, bytes, 0, READ_BYTES, this.#read);
      if (read === 0) break;
      this.#read += read;
      for (let at = bytes.indexOf(NEWLINE); at >= 0 && at < read; at = bytes.indexOf(NEWLINE, at + 1))
        this.#requests += 1;
    }
    return this.#requests;
  }

  async stop(): Promise<void> {
    closeSync(this.#log);
    await this.server.stop();
    rmSync(this.#directory, { recursive: true });
  }
}
