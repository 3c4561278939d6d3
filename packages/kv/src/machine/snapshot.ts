// A keyspace as chunks of bytes, and back. Chunks show the moment at which they were begun; large collections go over many.
// Part of the format (docs/kv.md).

import { ByteReader, ByteWriter, MalformedError } from "@tailrace/replica";
import type { Entry } from "../state/entry.ts";
import { Keyspace } from "../state/keyspace.ts";
import type { Collection, Value } from "../state/value.ts";
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

interface Loading extends Omit<Entry, "value"> {
  readonly key: string;
  readonly value: Value;
}

/** Throws `MalformedError`. */
export async function restoreSnapshot(source: AsyncIterable<Uint8Array>): Promise<Keyspace> {
  let keyspace: Keyspace | undefined;
  let size = 0;
  /** The item read last: of a collection, more may follow. */
  let loading: Loading | undefined;
  for await (const chunk of source) {
    const reader = new ByteReader(chunk);
    if (keyspace === undefined) {
      const format = reader.byte();
      if (format !== FORMAT) throw new MalformedError(`a snapshot of format ${format}`);
      const nowMs = reader.double();
      const revision = reader.varint();
      keyspace = new Keyspace(reader.varint());
      keyspace.revision = revision;
      if (!(nowMs >= 0)) throw new MalformedError("no time");
      keyspace.advance(nowMs);
      size = reader.varint();
    }
    while (reader.left > 0) {
      const tag = reader.byte();
      if (tag !== MORE) {
        if (loading !== undefined) load(keyspace, loading);
        loading = readHead(reader, tag, keyspace, loading?.ordinal ?? 0);
      }
      if (loading === undefined || typeof loading.value === "string") {
        if (tag === MORE) throw new MalformedError("more of nothing");
      } else readElements(reader, loading.value);
    }
  }
  if (loading !== undefined && keyspace !== undefined) load(keyspace, loading);
  if (keyspace === undefined || keyspace.size !== size) throw new MalformedError("not whole");
  return keyspace;
}

function load(keyspace: Keyspace, { key, ...entry }: Loading): void {
  const { value } = entry;
  if (keyspace.get(key) !== undefined) throw new MalformedError("a key twice");
  if (typeof value !== "string" && value.size === 0) throw new MalformedError("an empty collection");
  keyspace.load(key, entry);
}

/** `before`: the ordinal of the item before. */
function readHead(reader: ByteReader, tag: number, keyspace: Keyspace, before: number): Loading {
  const head = {
    key: reader.text(),
    expiresAtMs: reader.double(),
    revision: reader.varint(),
    ordinal: reader.varint(),
    contentType: tag === TYPED_STRING ? reader.text() : "",
  };
  if (!(head.expiresAtMs > keyspace.nowMs)) throw new MalformedError("a key whose time is over");
  if (head.ordinal <= before || head.ordinal >= keyspace.nextOrdinal)
    throw new MalformedError("an ordinal out of order");
  const isString = tag === STRING || tag === TYPED_STRING;
  if (!isString && !isCollectionTag(tag)) throw new MalformedError(`no type has the tag ${tag}`);
  return { ...head, value: isString ? reader.text() : emptyCollection(tag) };
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
