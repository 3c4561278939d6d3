// What happened in a simulation, line by line: its checksum always, its text on demand. Equal runs have equal traces, byte for byte.
import { crc32 } from "node:zlib";

/** Lines are summed up in pieces of about this length: a checksum per line would cost more than the line. */
const PIECE_CHARS = 16 * 1024;

export class Trace {
  readonly #kept: string[] | undefined;
  #piece = "";
  #checksum = 0;
  #lines = 0;

  /** `keep` holds the text itself, for printing. */
  constructor(keep: boolean) {
    this.#kept = keep ? [] : undefined;
  }

  write(atMs: number, line: string): void {
    this.#piece += `${atMs} ${line}\n`;
    this.#lines += 1;
    if (this.#piece.length >= PIECE_CHARS) this.#sumUp();
  }

  /** Stands for every byte of the trace. */
  get digest(): string {
    this.#sumUp();
    return `${this.#lines}-${this.#checksum.toString(16).padStart(8, "0")}`;
  }

  /** Empty when it was not kept. */
  get text(): string {
    this.#sumUp();
    return this.#kept?.join("") ?? "";
  }

  #sumUp(): void {
    this.#checksum = crc32(this.#piece, this.#checksum);
    this.#kept?.push(this.#piece);
    this.#piece = "";
  }
}
