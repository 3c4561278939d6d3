import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSizeBytes } from "./human-size.ts";

test("sizes are read as people write them", () => {
  const sizes: readonly [string, number | undefined][] = [
    ["1048576", 1_048_576],
    ["512MiB", 512 * 1024 ** 2],
    ["512 mib", 512 * 1024 ** 2],
    ["1.5GiB", 1.5 * 1024 ** 3],
    ["2GB", 2_000_000_000],
    ["64k", 65_536],
    ["1g", 1024 ** 3],
    ["0", 0],
    ["", undefined],
    ["MiB", undefined],
    ["-1MiB", undefined],
    ["1 XiB", undefined],
    ["1e9", undefined],
    ["9999999TiB", undefined],
    ["toString", undefined],
    ["1 constructor", undefined],
  ];
  for (const [text, bytes] of sizes) assert.equal(parseSizeBytes(text), bytes, text);
});
