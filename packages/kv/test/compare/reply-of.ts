// What a reply of a command looks like to a client, in RESP2 and in RESP3, without a connection between.

import { formatDouble } from "../../src/command/numbers.ts";
import type { Reply } from "../../src/command/reply.ts";
import type { RawReply } from "./resp-client.ts";

export type Protocol = 2 | 3;

export function rawReply(reply: Reply, protocol: Protocol): RawReply {
  const raw = (inner: Reply): RawReply => rawReply(inner, protocol);
  const old = protocol === 2;
  if (reply === null) return old ? { kind: "$", text: null } : { kind: "_", text: "" };
  if (typeof reply === "string") return { kind: "$", text: reply };
  if (typeof reply !== "object") return { kind: ":", text: String(reply) };
  if (!("kind" in reply)) return { kind: "*", items: reply.map(raw) };
  switch (reply.kind) {
    case "status":
      return { kind: "+", text: reply.text };
    case "error":
      return { kind: "-", text: reply.text };
    case "null-array":
      return old ? { kind: "*", items: null } : { kind: "_", text: "" };
    case "map":
      return { kind: old ? "*" : "%", items: reply.entries.flat().map(raw) };
    case "set":
      return { kind: old ? "*" : "~", items: reply.members.map(raw) };
    case "pairs":
      return { kind: "*", items: old ? reply.pairs.flat().map(raw) : reply.pairs.map((pair) => raw(pair)) };
    case "double":
      return { kind: old ? "$" : ",", text: formatDouble(reply.value) };
    case "boolean":
      return old ? { kind: ":", text: reply.value ? "1" : "0" } : { kind: "#", text: reply.value ? "t" : "f" };
    case "verbatim":
      return old ? { kind: "$", text: reply.text } : { kind: "=", text: `txt:${reply.text}` };
    case "push":
      return { kind: old ? "*" : ">", items: reply.items.map(raw) };
  }
}
