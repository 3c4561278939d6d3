// Replies as bytes, in RESP2 or RESP3. Bytes are binary strings here, too: they are joined cheaply, and written at once.
import { formatDouble } from "../command/numbers.ts";
import type { Reply, TaggedReply } from "../command/reply.ts";
import { MAX_REPLY_BYTES } from "./limits.ts";

export type Protocol = 2 | 3;

/** The reply is over `MAX_REPLY_BYTES`. */
export class ReplyTooLargeError extends Error {}

/** As it goes over the wire. Throws `ReplyTooLargeError`. */
export function encodeReply(reply: Reply, protocol: Protocol): string {
  switch (typeof reply) {
    case "string":
      return bulk(reply);
    case "number":
    case "bigint":
      return `:${reply}\r\n`;
    default:
      if (reply === null) return protocol === 3 ? "_\r\n" : "$-1\r\n";
      return "kind" in reply ? tagged(reply, protocol) : array("*", reply, protocol);
  }
}

function joined(encoded: string, more: string): string {
  if (encoded.length + more.length > MAX_REPLY_BYTES) throw new ReplyTooLargeError();
  return encoded + more;
}

function bulk(text: string): string {
  return `$${text.length}\r\n${text}\r\n`;
}

function array(mark: string, items: readonly Reply[], protocol: Protocol): string {
  let encoded = `${mark}${items.length}\r\n`;
  for (const item of items) encoded = joined(encoded, encodeReply(item, protocol));
  return encoded;
}

function tagged(reply: TaggedReply, protocol: Protocol): string {
  switch (reply.kind) {
    case "status":
      return `+${oneLine(reply.text)}\r\n`;
    case "error":
      return `-${oneLine(reply.text)}\r\n`;
    case "null-array":
      return protocol === 3 ? "_\r\n" : "*-1\r\n";
    case "map": {
      const { entries } = reply;
      if (protocol === 2) return array("*", entries.flat(), protocol);
      let encoded = `%${entries.length}\r\n`;
      for (const [key, value] of entries) {
        encoded = joined(encoded, encodeReply(key, protocol) + encodeReply(value, protocol));
      }
      return encoded;
    }
    case "pairs":
      return array("*", protocol === 2 ? reply.pairs.flat() : reply.pairs, protocol);
    case "set":
      return array(protocol === 2 ? "*" : "~", reply.members, protocol);
    case "push":
      return array(protocol === 2 ? "*" : ">", reply.items, protocol);
    case "double":
      return protocol === 2 ? bulk(formatDouble(reply.value)) : `,${formatDouble(reply.value)}\r\n`;
    case "boolean":
      if (protocol === 2) return reply.value ? ":1\r\n" : ":0\r\n";
      return reply.value ? "#t\r\n" : "#f\r\n";
    case "verbatim":
      return protocol === 2 ? bulk(reply.text) : `=${reply.text.length + 4}\r\ntxt:${reply.text}\r\n`;
  }
}

/** What a client sent may be part of what it is told; it must not be able to tell itself another reply. */
function oneLine(text: string): string {
  return /[\r\n]/.test(text) ? text.replaceAll(/[\r\n]/g, " ") : text;
}
