// A keyspace as chunks of bytes, and back. Chunks show the moment at which they were begun; large collections go over many.
// Part of the format (docs/kv.md).

import { ByteReader, ByteWriter, MalformedError } from "@tailrace/replica";
import type { Entry } from "../state/entry.ts";
import { Keyspace } from "../state/keyspace.ts";
import type { Collection } from "../state/value.ts";
import { emptyCollection, isCollectionTag, tagOf } from "../state/value-tags.ts";

const FORMAT = 1;
/** A chunk ends with the item or element that reaches this. */
const CHUNK_BYTES = 64 * 1024;
/** More elements of the collection before. */
const MORE = 0xff;
const STRING = 0;
/** A string with its content type before it. */
const TYPED_STRING = 0xfe;

/** Begun now, taken at leisure. To be taken to the end, or left (`return`). */
export function takeSnapshot(keyspace: Keyspace): IterableIterator<Uint8Array> {
  const head = new ByteWriter()
    .byte(FORMAT)
    .double(keyspace.nowMs)
    .varint(keyspace.revision)
    .varint(keyspace.nextOrdinal)
    .varint(keyspace.size)
    .finish();
  return chunks(head, keyspace.freeze());
}

function* chunks(
  head: Uint8Array,
  entries: IterableIterator<readonly [string, Entry]>,
): Generator<Uint8Array, void, undefined> {
  try {
    yield head;
    yield* items(entries);
  } finally {
    entries.return?.();
  }
}

function* items(entries: Iterable<readonly [string, Entry]>): Generator<Uint8Array, void, undefined> {
  let writer = new ByteWriter(CHUNK_BYTES * 1.5);
  for (const [key, entry] of entries) {
    writeHead(writer, key, entry);
    if (typeof entry.value === "string") writer.text(entry.value);
    else {
      for (const element of entry.value.elements()) {
        if (writer.length >= CHUNK_BYTES) {
          yield writer.byte(0).finish();
          writer = new ByteWriter(CHUNK_BYTES * 1.5).byte(MORE);
        }
        writer.varint(element.length);
        for (const part of element) writer.text(part);
      }
      // An element of no parts ends them.
      writer.varint(0);
    }
    if (writer.length >= CHUNK_BYTES) {
      yield writer.finish();
      writer = new ByteWriter(CHUNK_BYTES * 1.5);
    }
  }
  if (writer.length > 0) yield writer.finish();
}

function writeHead(writer: ByteWriter, key: string, entry: Entry): void {
  const { value, expiresAtMs, contentType, revision, ordinal } = entry;
  const tag = contentType === "" ? STRING : TYPED_STRING;
  writer.byte(typeof value === "string" ? tag : tagOf(value)).text(key);
  writer.double(expiresAtMs).varint(revision).varint(ordinal);
  if (contentType !== "") writer.text(contentType);
}

/** A collection of which more elements may follow. */
interface Loading extends Omit<Entry, "value"> {
  readonly key: string;
  readonly value: Collection;
}

/** Throws `MalformedError`. */
export async function restoreSnapshot(source: AsyncIterable<Uint8Array>): Promise<Keyspace> {
  let restoring: Restoring | undefined;
  for await (const chunk of source) {
    const reader = new ByteReader(chunk);
    restoring ??= Restoring.begin(reader);
    restoring.take(reader);
  }
  if (restoring === undefined) throw new MalformedError("not whole");
  return restoring.finish();
}

/** A keyspace that is being filled. */
class Restoring {
  readonly #keyspace: Keyspace;
  /** Of keys that there must be in the end. */
  readonly #size: number;
  /** The item read last, if it is a collection: not loaded yet. */
  #loading: Loading | undefined;
  /** The ordinal of the item read last. */
  #ordinal = 0;

  private constructor(keyspace: Keyspace, size: number) {
    this.#keyspace = keyspace;
    this.#size = size;
  }

  static begin(reader: ByteReader): Restoring {
    const format = reader.byte();
    if (format !== FORMAT) throw new MalformedError(`a snapshot of format ${format}`);
    const nowMs = reader.double();
    if (!(nowMs >= 0)) throw new MalformedError("no time");
    const revision = reader.varint();
    const keyspace = new Keyspace(reader.varint());
    keyspace.revision = revision;
    keyspace.advance(nowMs);
    return new Restoring(keyspace, reader.varint());
  }

  take(reader: ByteReader): void {
    while (reader.left > 0) {
      const tag = reader.byte();
      if (tag !== MORE) {
        this.#loadCollection();
        this.#item(reader, tag);
      }
      if (this.#loading !== undefined) readElements(reader, this.#loading.value);
      else if (tag === MORE) throw new MalformedError("more of nothing");
    }
  }

  finish(): Keyspace {
    this.#loadCollection();
    if (this.#keyspace.size !== this.#size) throw new MalformedError("not whole");
    return this.#keyspace;
  }

  /** A string is loaded at once, without anything made in between: there may be millions. */
  #item(reader: ByteReader, tag: number): void {
    const key = reader.text();
    const expiresAtMs = reader.double();
    const revision = reader.varint();
    const ordinal = reader.varint();
    const contentType = tag === TYPED_STRING ? reader.text() : "";
    if (!(expiresAtMs > this.#keyspace.nowMs)) throw new MalformedError("a key whose time is over");
    if (ordinal <= this.#ordinal || ordinal >= this.#keyspace.nextOrdinal)
      throw new MalformedError("an ordinal out of order");
    this.#ordinal = ordinal;
    if (tag === STRING || tag === TYPED_STRING) {
      this.#load(key, { value: reader.text(), expiresAtMs, contentType, revision, ordinal });
      return;
    }
    if (!isCollectionTag(tag)) throw new MalformedError(`no type has the tag ${tag}`);
    this.#loading = { key, value: emptyCollection(tag), expiresAtMs, contentType, revision, ordinal };
  }

  #loadCollection(): void {
    if (this.#loading === undefined) return;
    const { key, ...entry } = this.#loading;
    if (entry.value.size === 0) throw new MalformedError("an empty collection");
    this.#load(key, entry);
    this.#loading = undefined;
  }

  #load(key: string, entry: Entry): void {
    if (!this.#keyspace.load(key, entry)) throw new MalformedError("a key twice");
  }
}

function readElements(reader: ByteReader, collection: Collection): void {
  for (let parts = reader.count(1); parts > 0; parts = reader.count(1)) {
    const element: string[] = [];
    for (; parts > 0; parts -= 1) element.push(reader.text());
    try {
      collection.load(element);
    } catch (cause) {
      throw new MalformedError(`a ${collection.type} cannot have that element`, { cause });
    }
  }
}
