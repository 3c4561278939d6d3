// A stream that clients work on, and what they believe of it: hints for conditions that sometimes hold, never taken for facts.

import type { Answer, Config } from "../check/history.ts";
import type { AppendCall, StreamRef } from "../clients/operations.ts";
import { type ClientRecord, commandRecord, plainRecord } from "../clients/records.ts";
import type { Chance } from "../world/chance.ts";

/** A trim's body goes through JSON as raw text too: its bytes must be ASCII. */
const ASCII_MASK = 0x7f7f;

/**
 * Appends of unknown outcome to a stream that they themselves may create, and that is deleted now and then: each may belong to any of
 * its incarnations, and the checker has to try. Beyond this many it gives up.
 */
const MAX_UNKNOWN = 8;

export interface Ageing {
  readonly ageSecs: number;
  /** 0 for a stream that stays when it is empty. */
  readonly deleteOnEmptySecs: number;
}

export class Subject implements StreamRef {
  readonly basin: string;
  readonly name: string;
  readonly createdOnAppend: boolean;
  readonly createdOnRead: boolean;
  readonly encryptionKey: string | undefined;
  /** Whether clients delete and recreate it. */
  readonly mortal: boolean;
  /** What takes its records, and itself, in time: then clients trim nothing and do not delete it. */
  readonly ageing: Ageing | undefined;
  /** The largest tail that anybody has seen lately. */
  tail = 0;
  fencingToken = "";
  lastTimestamp = 0n;
  #unknown = 0;
  readonly #trims = new Set<number>();
  #serial = 0;

  constructor(options: StreamRef & { readonly mortal: boolean; readonly ageing?: Ageing | undefined }) {
    this.basin = options.basin;
    this.name = options.name;
    this.createdOnAppend = options.createdOnAppend;
    this.createdOnRead = options.createdOnRead;
    this.encryptionKey = options.encryptionKey;
    this.mortal = options.mortal;
    this.ageing = options.ageing;
  }

  /** The config that it is created with. */
  get config(): Config {
    if (this.ageing === undefined) return {};
    return { retention: String(this.ageing.ageSecs), deleteOnEmpty: String(this.ageing.deleteOnEmptySecs) };
  }

  /** Whether it takes records, and keeps them, to the end. */
  get lasts(): boolean {
    return !this.mortal && !this.createdOnAppend && this.ageing === undefined;
  }

  /** A stream of this name that nobody else knows of. */
  static fresh(basin: string, name: string): Subject {
    return new Subject({
      basin,
      name,
      mortal: true,
      createdOnAppend: false,
      createdOnRead: false,
      encryptionKey: undefined,
    });
  }

  /** True once so much has an unknown outcome that it is left alone: see MAX_UNKNOWN. */
  get murky(): boolean {
    return this.createdOnAppend && this.#unknown >= MAX_UNKNOWN;
  }

  /** Learns from an answer. */
  saw(answer: Answer): void {
    switch (answer.kind) {
      case "unknown":
        this.#unknown += 1;
        return;
      case "appended":
      case "tail":
      case "unwritten":
        this.tail = answer.tail.seqNum;
        this.lastTimestamp = answer.tail.timestamp;
        return;
      case "records":
        this.tail = Math.max(this.tail, (answer.records.at(-1)?.seqNum ?? -1) + 1);
        return;
      case "seq-num-mismatch":
        this.tail = answer.actual;
        return;
      case "fencing-token-mismatch":
        this.fencingToken = answer.actual;
        return;
      case "deleted":
      case "not-found":
        this.tail = 0;
        this.fencingToken = "";
        return;
      default:
        return;
    }
  }

  record(client: string, chance: Chance, typicalBytes: number, wallMs: bigint): ClientRecord {
    this.#serial += 1;
    const headers = chance.happens(0.2) ? chance.between(1, 3) : 0;
    const padding = chance.happens(0.3) ? 0 : chance.delayMs(typicalBytes);
    return plainRecord(`${client}-${this.name}-${this.#serial}`, headers, padding, this.#timestamp(chance, wallMs));
  }

  large(client: string, bytes: number): ClientRecord {
    this.#serial += 1;
    return plainRecord(`${client}-${this.name}-${this.#serial}`, 0, bytes, undefined);
  }

  /** The same batch once more, as a client sends it that was told nothing of it; but that no two records may be equal, nor trims. */
  again(client: string, call: AppendCall): AppendCall {
    const records = call.records.flatMap((record) => {
      if (record.command?.kind === "trim") return [];
      if (record.command?.kind === "fence") return [this.fence(client)];
      this.#serial += 1;
      const padding = record.body.length - record.id.length - 1;
      return [plainRecord(`${client}-${this.name}-${this.#serial}`, record.headers.length, padding, record.timestamp)];
    });
    return { ...call, records };
  }

  /** Mostly none; else around now, often not in order. */
  #timestamp(chance: Chance, wallMs: bigint): bigint | undefined {
    if (!chance.happens(0.2)) return undefined;
    return wallMs + BigInt(chance.between(-20_000, 2_000));
  }

  /** An append that is never carried out: a refusal tells the fencing token in force. */
  question(client: string): AppendCall {
    return { records: [this.large(client, 1)], fencingToken: "nobody's" };
  }

  fence(client: string): ClientRecord {
    this.#serial += 1;
    return commandRecord({ kind: "fence", token: `${client}-${this.#serial}` });
  }

  /** Undefined when this point was used before (no two records may be equal), and where nobody trims. */
  trim(chance: Chance): ClientRecord | undefined {
    if (this.ageing !== undefined) return undefined;
    const beyond = chance.happens(0.05);
    const seqNum = (beyond ? this.tail + chance.between(1, 100) : chance.between(0, this.tail)) & ASCII_MASK;
    if (this.#trims.has(seqNum)) return undefined;
    this.#trims.add(seqNum);
    return commandRecord({ kind: "trim", seqNum });
  }
}
