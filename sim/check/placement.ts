// Where the records of each append stand: what acknowledgements and reads say about it, without regard to when.
// Finds what no order of operations could explain (lost, doubled, altered, torn, refused and there); leaves all else to the search.
import type { Operation, Position, ReadRecord } from "./history.ts";

export type AppendOperation = Operation & { readonly call: { readonly kind: "append" } };

/** An append, and its records' numbers: `firstRecord`, `firstRecord + 1`, … Records are numbered through the whole stream's history. */
export class Append {
  readonly operation: AppendOperation;
  readonly count: number;
  readonly firstRecord: number;
  /** The sequence number of its first record, if an acknowledgement or a read tells; it took effect then, whatever its client heard. */
  start: number | undefined;
  /** See `Placement.companion`. */
  companion: Append = this;

  constructor(operation: AppendOperation, firstRecord: number) {
    this.operation = operation;
    this.count = operation.call.records.length;
    this.firstRecord = firstRecord;
  }
}

/** A contradiction in what was told, in words. */
export class ContentViolation extends Error {
  readonly operations: readonly Operation[];
  constructor(message: string, ...operations: Operation[]) {
    super(message);
    this.operations = operations;
  }
}

export class Placement {
  readonly appends: Append[] = [];
  readonly #ofOperation = new Map<Operation, Append>();
  readonly #recordOfId = new Map<string, number>();
  readonly #appendOfRecord: Append[] = [];
  /** By the record's number; undefined where nobody was told. */
  readonly #timestamps: (bigint | undefined)[] = [];
  /** By session: an append that it appended or read. */
  readonly #ofSession = new Map<string, Append>();

  /** Throws a ContentViolation at the first contradiction. `operations` are those of one stream. */
  constructor(operations: readonly Operation[]) {
    for (const operation of operations) if (isAppend(operation)) this.#number(operation);
    for (const operation of operations) {
      const { answer } = operation;
      if (answer.kind === "appended") this.#placeAcknowledged(operation, answer);
      if (answer.kind === "records") this.#placeRead(operation, answer.records);
    }
    for (const append of this.appends) {
      const { session } = append.operation;
      if (session !== undefined && append.start !== undefined) this.#together(session, append);
    }
  }

  of(operation: Operation): Append {
    const append = this.#ofOperation.get(operation);
    if (append === undefined) throw new Error("not an append of this history");
    return append;
  }

  /** The number of a record that was read: the constructor has seen to it that somebody appended it. */
  record(id: string): number {
    const record = this.#recordOfId.get(id);
    if (record === undefined) throw new Error(`no record "${id}" was appended`);
    return record;
  }

  /** An append that took effect in the incarnation that an operation's answer is about, as far as its session or its records tell. */
  witness(operation: Operation): Append | undefined {
    const { answer, session } = operation;
    if (answer.kind === "appended") return this.of(operation);
    if (answer.kind === "records" && answer.records.length > 0)
      return this.#appendOfRecord[this.record(answer.records[0].id)];
    return session === undefined ? undefined : this.#ofSession.get(session);
  }

  timestamp(record: number): bigint | undefined {
    return this.#timestamps[record];
  }

  #number(operation: AppendOperation): void {
    const { records } = operation.call;
    const firstRecord = this.#appendOfRecord.length;
    const append = new Append(operation, firstRecord);
    this.appends.push(append);
    this.#ofOperation.set(operation, append);
    for (const { id } of records) {
      if (this.#recordOfId.has(id)) throw new Error(`the record "${id}" is appended twice: a history must not do that`);
      this.#recordOfId.set(id, this.#appendOfRecord.length);
      this.#appendOfRecord.push(append);
      this.#timestamps.push(undefined);
    }
  }

  #placeAcknowledged(operation: Operation, { start, end, tail }: { start: Position; end: Position; tail: Position }) {
    const append = this.of(operation);
    if (end.seqNum !== start.seqNum + append.count) {
      throw new ContentViolation(
        `${append.count} records were acknowledged as ${start.seqNum} to ${end.seqNum}`,
        operation,
      );
    }
    if (tail.seqNum < end.seqNum || tail.timestamp < end.timestamp || end.timestamp < start.timestamp) {
      throw new ContentViolation("an acknowledgement contradicts itself", operation);
    }
    this.#place(append, start.seqNum, operation);
    this.#date(append.firstRecord, start.timestamp, operation);
    this.#date(append.firstRecord + append.count - 1, end.timestamp, operation);
  }

  #placeRead(operation: Operation, records: readonly ReadRecord[]): void {
    let before: { readonly append: Append; readonly index: number } | undefined;
    for (let i = 0; i < records.length; i += 1) {
      const { id, seqNum, timestamp } = records[i];
      if (seqNum !== records[0].seqNum + i) throw new ContentViolation(`a read jumps to ${seqNum}`, operation);
      const record = this.#recordOfId.get(id);
      if (record === undefined)
        throw new ContentViolation(`nobody appended what was read at ${seqNum}: "${id}"`, operation);
      const append = this.#appendOfRecord[record];
      const index = record - append.firstRecord;
      this.#place(append, seqNum - index, operation);
      this.#date(record, timestamp, operation);
      if (before !== undefined && before.append !== append && (index > 0 || before.index < before.append.count - 1)) {
        throw new ContentViolation(`a batch ends or begins in its middle at ${seqNum}`, operation);
      }
      before = { append, index };
      if (i === 0 || index === 0) this.#join(append, this.#appendOfRecord[this.record(records[0].id)]);
    }
    if (operation.session !== undefined && before !== undefined) this.#together(operation.session, before.append);
  }

  #place(append: Append, start: number, witness: Operation): void {
    const { kind } = append.operation.answer;
    if (append.start !== undefined && append.start !== start) {
      throw new ContentViolation(`an append stands at ${append.start} and at ${start}`, append.operation, witness);
    }
    if (start < 0) throw new ContentViolation("a record stands before its batch can begin", append.operation, witness);
    if (kind !== "appended" && kind !== "unknown") {
      throw new ContentViolation(`an append that was refused stands at ${start}`, append.operation, witness);
    }
    append.start = start;
  }

  #date(record: number, timestamp: bigint, witness: Operation): void {
    const known = this.#timestamps[record];
    if (known !== undefined && known !== timestamp) {
      const { operation } = this.#appendOfRecord[record];
      throw new ContentViolation(`a record has the timestamps ${known} and ${timestamp}`, operation, witness);
    }
    this.#timestamps[record] = timestamp;
  }

  #together(session: string, append: Append): void {
    const other = this.#ofSession.get(session);
    if (other === undefined) this.#ofSession.set(session, append);
    else this.#join(append, other);
  }

  /** Says that both are in one incarnation. `Append.companion` is a forest with the lowest as its roots. */
  #join(one: Append, other: Append): void {
    const a = this.companion(one);
    const b = this.companion(other);
    if (a === b) return;
    if (a.start === b.start) {
      throw new ContentViolation(`a session or a read saw two appends at ${a.start}`, a.operation, b.operation);
    }
    if ((a.start ?? 0) <= (b.start ?? 0)) b.companion = a;
    else a.companion = b;
  }

  /** Of all appends known to be in the same incarnation of the stream as this one, the one with the lowest `start`. */
  companion(append: Append): Append {
    let root = append;
    while (root.companion !== root) root = root.companion;
    for (let each = append; each !== root; ) {
      const next = each.companion;
      each.companion = root;
      each = next;
    }
    return root;
  }
}

export function isAppend(operation: Operation): operation is AppendOperation {
  return operation.call.kind === "append";
}
