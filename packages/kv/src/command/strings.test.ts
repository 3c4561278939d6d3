import assert from "node:assert/strict";
import { test } from "node:test";
import { Shell } from "./testing/shell.ts";

test("SET keeps or drops an expiry as it is told, and sets only where it may", () => {
  const shell = new Shell();
  assert.equal(shell.line("SET a 1 PX 100"), "OK");
  assert.equal(shell.line("SET a 2 KEEPTTL"), "OK");
  assert.equal(shell.line("PTTL a"), 100);
  assert.equal(shell.line("SET a 3 NX"), null);
  assert.equal(shell.line("SET a 3 NX GET"), "2");
  assert.equal(shell.line("SET b 3 XX"), null);
  assert.equal(shell.line("SET a 3"), "OK");
  assert.equal(shell.line("PTTL a"), -1);
  for (const line of ["SET a 1 NX XX", "SET a 1 EX", "SET a 1 EX 1 PX 1", "SET a 1 KEEPTTL EX 1", "SET a 1 WHAT"]) {
    assert.equal(shell.line(line), "ERR syntax error", line);
  }
  assert.equal(shell.line("SET a 1 EX 0"), "ERR invalid expire time in 'set' command");
  shell.pass(1);
  assert.equal(shell.line("SET a 1 PX 9223372036854775807"), "ERR invalid expire time in 'set' command");
  assert.equal(shell.line("GET a"), "3");
});

test("a key is gone when its time has come, and not before", () => {
  const shell = new Shell();
  shell.line("SET a 1 PX 100");
  shell.pass(99);
  assert.equal(shell.line("GET a"), "1");
  assert.equal(shell.line("GETEX a PX 50"), "1");
  shell.pass(49);
  assert.equal(shell.line("EXISTS a"), 1);
  shell.pass(1);
  assert.equal(shell.line("EXISTS a"), 0);
  assert.equal(shell.keyspace.size, 0);
  assert.equal(shell.keyspace.bytes, 0);
});

test("counters have 64 bits", () => {
  const shell = new Shell();
  assert.equal(shell.line("INCRBY n 9223372036854775806"), 9223372036854775806n);
  assert.equal(shell.line("INCR n"), 9223372036854775807n);
  assert.equal(shell.line("INCR n"), "ERR increment or decrement would overflow");
  assert.equal(shell.line("GET n"), "9223372036854775807");
  assert.equal(shell.line("DECRBY n -9223372036854775808"), "ERR decrement would overflow");
  shell.line("SET n 007");
  assert.equal(shell.line("INCR n"), "ERR value is not an integer or out of range");
});

test("sums of floats show the digits of 80-bit floats", () => {
  const shell = new Shell();
  assert.equal(shell.line("INCRBYFLOAT f 10.5"), "10.5");
  assert.equal(shell.line("INCRBYFLOAT f 0.1"), "10.6");
  assert.equal(shell.line("INCRBYFLOAT f 5.0e3"), "5010.60000000000000009");
  assert.equal(shell.line("INCRBYFLOAT f -5010.6"), "0");
  assert.equal(shell.line("INCRBYFLOAT g 1e-17"), "0.00000000000000001");
  assert.equal(shell.line("INCRBYFLOAT h 0x1.8p3"), "12");
  assert.equal(shell.line("INCRBYFLOAT g inf"), "ERR increment would produce NaN or Infinity");
  assert.equal(shell.line("INCRBYFLOAT g x"), "ERR value is not a valid float");
});

test("parts of strings are read and written, with zeros where nothing was", () => {
  const shell = new Shell();
  assert.equal(shell.line("SETRANGE s 3 abc"), 6);
  assert.equal(shell.run("GET", "s"), "\0\0\0abc");
  assert.equal(shell.line("GETRANGE s -3 -2"), "ab");
  assert.equal(shell.line("GETRANGE s 4 100"), "bc");
  assert.equal(shell.line("GETRANGE s -1 -3"), "");
  assert.equal(shell.line("SETRANGE s 1048576 x"), "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  assert.equal(shell.line("STRLEN s"), 6);
});

test("all keys of MSETNX are set, or none", () => {
  const shell = new Shell();
  assert.equal(shell.line("MSETNX a 1 b 2"), 1);
  assert.equal(shell.line("MSETNX b 3 c 4"), 0);
  assert.deepEqual(shell.line("MGET a b c"), ["1", "2", null]);
  assert.equal(shell.line("MSET a"), "ERR wrong number of arguments for 'mset' command");
});
