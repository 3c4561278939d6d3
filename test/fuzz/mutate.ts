// What the fuzzer does to an input: small damages at places where formats are delicate, and pieces of other inputs.
// Pure: the same chance and the same inputs give the same result.
import type { Chance } from "./chance.ts";

/** Inputs do not grow beyond this: long ones find nothing that short ones do not. */
const MAX_INPUT_BYTES = 64 * 1024;

/** Numbers at the edges of types, as varints and as words. */
const NUMBERS: readonly Uint8Array[] = [
  [0x00],
  [0x7f],
  [0x80, 0x01],
  [0x80, 0x00],
  [0xff, 0xff, 0xff, 0xff, 0x0f],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
  [0xff, 0xff, 0xff, 0xff],
  [0x00, 0x00, 0x00, 0x80],
  [0xff, 0xff, 0xff, 0x7f],
].map((bytes) => Uint8Array.from(bytes));

/** Words of the formats and what breaks them. */
const WORDS: readonly Uint8Array[] = [
  '{"',
  '":',
  "[[",
  "]]",
  "}",
  ",",
  "null",
  "true",
  "-0",
  "1e309",
  "0.1",
  "18446744073709551615",
  "18446744073709551616",
  "9007199254740993",
  "\\u0000",
  "\\ud800",
  "\\udc00",
  "\\ud83d\\ude00",
  "\\",
  '\\"',
  "\u0000",
  "é",
  "\u{1f600}",
  "==",
  "%00",
  "%ff",
  "&",
  "seq_num=",
  "\r\n",
  "\r\n\r\n",
  "content-length: 5\r\n",
  "transfer-encoding: chunked\r\n",
  "s2s/proto",
  "text/event-stream",
  "records",
  "timestamp",
  "headers",
  "match_seq_num",
  "fencing_token",
  "fence",
  "trim",
  "infinite",
  "7days",
].map((text) => Buffer.from(text));

function splice(input: Uint8Array, at: number, removed: number, inserted: Uint8Array): Uint8Array {
  return Buffer.concat([input.subarray(0, at), inserted, input.subarray(at + removed)]);
}

type Mutation = (input: Uint8Array, chance: Chance, other: Uint8Array) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  function flipBit(input, chance) {
    const output = Uint8Array.from(input);
    if (output.length > 0) output[chance.below(output.length)] ^= 1 << chance.below(8);
    return output;
  },
  function setByte(input, chance) {
    const output = Uint8Array.from(input);
    if (output.length > 0)
      output[chance.below(output.length)] = chance.pick([0, 1, 0x7f, 0x80, 0xff, chance.below(256)]);
    return output;
  },
  function addToByte(input, chance) {
    const output = Uint8Array.from(input);
    if (output.length > 0) output[chance.below(output.length)] += chance.pick([1, -1, 8, -8]);
    return output;
  },
  function truncate(input, chance) {
    return input.subarray(0, chance.below(input.length + 1));
  },
  function remove(input, chance) {
    return splice(input, chance.below(input.length + 1), chance.below(16), new Uint8Array(0));
  },
  function repeat(input, chance) {
    const at = chance.below(input.length + 1);
    const piece = input.subarray(at, at + 1 + chance.below(chance.pick([4, 64, 1024])));
    return splice(input, at, 0, Buffer.concat(Array.from({ length: 1 + chance.below(8) }, () => piece)));
  },
  function insertNumber(input, chance) {
    return splice(input, chance.below(input.length + 1), chance.below(4), chance.pick(NUMBERS));
  },
  function insertWord(input, chance) {
    return splice(input, chance.below(input.length + 1), chance.below(4), chance.pick(WORDS));
  },
  function insertNoise(input, chance) {
    return splice(input, chance.below(input.length + 1), chance.below(8), chance.bytes(1 + chance.below(16)));
  },
  function cross(input, chance, other) {
    const at = chance.below(other.length + 1);
    return splice(input, chance.below(input.length + 1), chance.below(32), other.subarray(at, at + chance.below(256)));
  },
  function replaceDigits(input, chance) {
    const digits = [...input.keys()].filter((at) => input[at] >= 0x30 && input[at] <= 0x39);
    if (digits.length === 0) return input;
    return splice(input, chance.pick(digits), 1, chance.pick(WORDS));
  },
];

/** One to six damages. `other` is another input of the same kind. */
export function mutate(input: Uint8Array, chance: Chance, other: Uint8Array): Uint8Array {
  let output = input;
  for (let left = 1 + chance.below(chance.pick([2, 6])); left > 0; left -= 1)
    output = chance.pick(MUTATIONS)(output, chance, other).subarray(0, MAX_INPUT_BYTES);
  return Uint8Array.from(output);
}
