// What the file store promises beyond the contract: crash safety, its lock, refusals, and what each error of the system means.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemRuntime, VirtualRuntime } from "../runtime/index.ts";
import { bytes, kind, text } from "./contract.ts";
import { type FileCalls, systemFileCalls } from "./file/file-calls.ts";
import { fileErrorKind } from "./file/file-errors.ts";
import { FileStore } from "./file-store.ts";
import type { ObjectStoreErrorKind } from "./object-store.ts";
import { StoreOpenError } from "./store-open-error.ts";

let scratch = "";
let directories = 0;
before(async () => {
  scratch = await mkdtemp(join(tmpdir(), "tailrace-file-store-"));
});
after(async () => {
  await rm(scratch, { recursive: true });
});
const freshDirectory = () => join(scratch, String(directories++));

describe("a FileStore over a crash", () => {
  it("finds what was put when opened again, and nothing under temporary names", async () => {
    const directory = freshDirectory();
    const first = await FileStore.open(directory, systemRuntime);
    await first.putIfAbsent("wal/1", [bytes("one")]);
    await first.put("wal/2", [bytes("two")]);
    await assert.rejects(first.putIfAbsent("wal/1", [bytes("not one")]), kind("exists"));
    await first.close();
    assert.deepEqual(await readdir(join(directory, "tmp")), []);
    const second = await FileStore.open(directory, systemRuntime);
    assert.deepEqual(await second.list(""), ["wal/1", "wal/2"]);
    assert.equal(text(await second.get("wal/1")), "one");
    await second.close();
  });

  it("sweeps leftovers under temporary names, and never lists them", async () => {
    const directory = freshDirectory();
    await mkdir(join(directory, "tmp"), { recursive: true });
    await writeFile(join(directory, "tmp", "0123-7"), "half an obj");
    const store = await FileStore.open(directory, systemRuntime);
    assert.deepEqual(await readdir(join(directory, "tmp")), []);
    assert.deepEqual(await store.list(""), []);
    await store.close();
  });

  it("has every object whole or not at all after SIGKILL amid puts", async () => {
    const directory = freshDirectory();
    const writer = await startChild(directory, "write");
    await writer.heard("put 20\n");
    await writer.kill("SIGKILL");
    const acknowledged = [...writer.said().matchAll(/put (\d+)\n/g)].map((match) => Number(match[1]));
    const store = await FileStore.open(directory, systemRuntime);
    assert.deepEqual(await readdir(join(directory, "tmp")), []);
    const keys = new Set(await store.list("wal/"));
    for (const number of acknowledged) assert.ok(keys.has(`wal/${number}`), `acknowledged ${number} is there`);
    for (const key of keys) {
      const object = await store.get(key);
      assert.equal(object.length, CHILD_OBJECT_BYTES);
      assert.ok(object.every((byte) => byte === Number(key.slice(4)) % 256));
    }
    await store.close();
  });
});

describe("a FileStore's lock", () => {
  it("refuses a second store in the same process, until the first is closed", async () => {
    const directory = freshDirectory();
    const first = await FileStore.open(directory, systemRuntime);
    await assert.rejects(FileStore.open(directory, systemRuntime), inUseBy(process.pid));
    // Being refused must not have cost the first its lock.
    await assert.rejects(FileStore.open(directory, systemRuntime), inUseBy(process.pid));
    await first.putIfAbsent("a", [bytes("x")]);
    await first.close();
    await (await FileStore.open(directory, systemRuntime)).close();
  });

  it("is held by another process while it lives, stopped or not, and not a moment longer", async () => {
    const directory = freshDirectory();
    const holder = await startChild(directory, "hold");
    await assert.rejects(FileStore.open(directory, systemRuntime), inUseBy(holder.pid));
    holder.signal("SIGSTOP");
    await assert.rejects(FileStore.open(directory, systemRuntime), inUseBy(holder.pid));
    await holder.kill("SIGKILL");
    const store = await FileStore.open(directory, systemRuntime);
    assert.equal((await readFile(join(directory, "lock.pid"), "utf8")).trim(), String(process.pid));
    // And the other way round: the process that comes second is the one refused.
    const refused = spawnChild(directory, "hold");
    let complaint = "";
    refused.stderr?.setEncoding("utf8").on("data", (said: string) => {
      complaint += said;
    });
    const [code] = await once(refused, "close");
    assert.equal(code, 1);
    assert.match(complaint, /is in use by another process \(pid \d+\)/);
    await store.close();
  });
});

describe("FileStore.open refuses with one sentence", () => {
  it("a file system without hard links", async () => {
    const directory = freshDirectory();
    const calls = failing({ link: "ENOTSUP" });
    await assert.rejects(
      FileStore.open(directory, systemRuntime, { calls }),
      openError(/without hard links \(ENOTSUP\)/),
    );
    // Nothing stays behind, neither the lock nor a probe.
    assert.deepEqual(await readdir(join(directory, "tmp")), []);
    await (await FileStore.open(directory, systemRuntime)).close();
  });

  it("a path that is a file, or below one", async () => {
    const file = freshDirectory();
    await writeFile(file, "");
    await assert.rejects(FileStore.open(file, systemRuntime), openError(/cannot create the directory/));
    await assert.rejects(FileStore.open(join(file, "data"), systemRuntime), openError(/cannot create the directory/));
  });

  it("a disk that is full", async () => {
    const calls = failing({ mkdir: "ENOSPC" });
    await assert.rejects(FileStore.open(freshDirectory(), systemRuntime, { calls }), openError(/cannot use .*ENOSPC/));
  });
});

describe("a FileStore's put that fails", () => {
  const cases: readonly [call: keyof FileCalls, code: string, expected: ObjectStoreErrorKind, isThere: boolean][] = [
    ["open", "EMFILE", "unavailable", false],
    ["open", "ENOSPC", "full", false],
    ["open", "EACCES", "denied", false],
    ["writev", "ENOSPC", "full", false],
    ["writev", "EDQUOT", "full", false],
    ["writev", "EIO", "unavailable", false],
    ["fdatasync", "EIO", "unavailable", false],
    ["fdatasync", "ENOSPC", "full", false],
    ["link", "EROFS", "denied", false],
    ["link", "ENOSPC", "full", false],
    ["link", "EIO", "ambiguous", false],
    ["fsync", "EIO", "ambiguous", true],
    ["fsync", "ENOSPC", "ambiguous", true],
  ];
  for (const [call, code, expected, isThere] of cases) {
    it(`in ${call} with ${code} is ${expected}, and the next one is well`, async () => {
      const directory = freshDirectory();
      const faults: Faults = {};
      const store = await FileStore.open(directory, systemRuntime, { calls: failing(faults) });
      await store.putIfAbsent("wal/0", [bytes("before")]);
      faults[call] = code;
      await assert.rejects(store.putIfAbsent("wal/1", [bytes("one")]), kind(expected));
      delete faults[call];
      assert.deepEqual(await store.list("wal/"), isThere ? ["wal/0", "wal/1"] : ["wal/0"]);
      const retry = store.putIfAbsent("wal/1", [bytes("one")]);
      if (isThere) await assert.rejects(retry, kind("exists"));
      else await retry;
      assert.equal(text(await store.get("wal/1")), "one");
      await store.close();
      assert.deepEqual(await readdir(join(directory, "tmp")), []);
    });
  }

  it("never says `exists` of an object whose name it could not make durable", async () => {
    const faults: Faults = {};
    const store = await FileStore.open(freshDirectory(), systemRuntime, { calls: failing(faults) });
    await store.putIfAbsent("wal/0", [bytes("before")]);
    faults.fsync = "EIO";
    await assert.rejects(store.putIfAbsent("wal/1", [bytes("one")]), kind("ambiguous"));
    await assert.rejects(store.putIfAbsent("wal/1", [bytes("one")]), kind("ambiguous"));
    delete faults.fsync;
    await assert.rejects(store.putIfAbsent("wal/1", [bytes("one")]), kind("exists"));
    await store.close();
  });

  it("goes on where a write stopped short", async () => {
    const calls: FileCalls = {
      ...systemFileCalls,
      // Three bytes at a time, across the borders of parts.
      writev: (fd, parts) => {
        const flat = Buffer.concat(parts.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)));
        return systemFileCalls.writev(fd, [flat.subarray(0, 3)]);
      },
    };
    const store = await FileStore.open(freshDirectory(), systemRuntime, { calls });
    await store.putIfAbsent("a", [bytes("ab"), bytes(""), bytes("cdefg"), bytes("h"), bytes("ijk")]);
    assert.equal(text(await store.get("a")), "abcdefghijk");
    await store.close();
  });
});

describe("a FileStore's order of calls", () => {
  it("syncs data before the name, and the directory after it", async () => {
    const order: string[] = [];
    const store = await FileStore.open(freshDirectory(), systemRuntime, { calls: recording(order) });
    await store.putIfAbsent("wal/0", [bytes("before")]);
    order.length = 0;
    await store.putIfAbsent("wal/1", [bytes("one")]);
    const until = order.indexOf("fsync ended");
    const relevant = order
      .slice(0, until + 1)
      .filter((call) => !call.startsWith("close") && !call.startsWith("unlink"));
    assert.deepEqual(
      relevant,
      ["open", "writev", "fdatasync", "link", "fsync"].flatMap((call) => [call, `${call} ended`]),
    );
    await store.close();
  });

  it("writes a large object in pieces, each synced before the next, and links it when all of them are", async () => {
    const order: string[] = [];
    const store = await FileStore.open(freshDirectory(), systemRuntime, { calls: recording(order) });
    await store.putIfAbsent("wal/0", [bytes("before")]);
    order.length = 0;
    const MIB = 1024 * 1024;
    const object = Buffer.alloc(9 * MIB);
    for (let at = 0; at < object.length; at += 4) object.writeUInt32LE(at, at);
    const parts = [object.subarray(0, 3), object.subarray(3, 5 * MIB + 1), object.subarray(5 * MIB + 1)];
    await store.putIfAbsent("segments/1", parts);
    const ended = order.filter((call) => call.endsWith(" ended")).map((call) => call.replace(" ended", ""));
    const link = ended.indexOf("link");
    const writes = ended.slice(0, link).filter((call) => call === "writev" || call === "fdatasync");
    assert.equal(writes.filter((call) => call === "fdatasync").length, 5);
    assert.equal(writes.at(-1), "fdatasync");
    assert.ok(!writes.some((call, i) => call === "fdatasync" && writes[i - 1] !== "writev"), writes.join(", "));
    assert.deepEqual(Buffer.from(await store.get("segments/1")), object);
    await store.close();
  });

  it("makes a new directory's name durable before the first put in it resolves", async () => {
    const order: string[] = [];
    const store = await FileStore.open(freshDirectory(), systemRuntime, { calls: recording(order) });
    order.length = 0;
    await store.putIfAbsent("a/b/1", [bytes("one")]);
    const made = order.lastIndexOf("mkdir ended");
    assert.equal(order.filter((call) => call === "mkdir ended").length, 2);
    // The new directory and its parent, after the last mkdir; and the directory once more, after the link.
    assert.ok(order.slice(made).filter((call) => call === "fsync ended").length >= 3, order.join(", "));
    await store.close();
  });

  it("covers concurrent puts with few syncs of the directory, each started after the links that it covers", async () => {
    const PUTS = 64;
    const linkedAt = new Map<string, number>();
    const syncStarts: number[] = [];
    let step = 0;
    const calls: FileCalls = {
      ...systemFileCalls,
      link: async (from, to) => {
        await systemFileCalls.link(from, to);
        linkedAt.set(to.slice(to.lastIndexOf("/") + 1), step++);
      },
      fsync: (fd) => {
        syncStarts.push(step++);
        return systemFileCalls.fsync(fd);
      },
    };
    const store = await FileStore.open(freshDirectory(), systemRuntime, { calls });
    await store.putIfAbsent("wal/first", [bytes("x")]);
    syncStarts.length = 0;
    const names = Array.from({ length: PUTS }, (_, i) => String(i));
    await Promise.all(
      names.map(async (name) => {
        await store.putIfAbsent(`wal/${name}`, [bytes(name)]);
        const linked = linkedAt.get(name) ?? assert.fail("resolved without a link");
        assert.ok(syncStarts.some((start) => start > linked));
      }),
    );
    assert.ok(syncStarts.length < PUTS, `${syncStarts.length} syncs for ${PUTS} puts`);
    await store.close();
  });
});

describe("a FileStore's files kept open", () => {
  it("serve ranged reads with one open, and are closed when idle", async () => {
    const order: string[] = [];
    const runtime = new VirtualRuntime({ seed: 1 });
    const store = await FileStore.open(freshDirectory(), runtime, { calls: recording(order) });
    await store.putIfAbsent("wal/0", [bytes("0123456789")]);
    await store.getRange("wal/0", 0, 1);
    order.length = 0;
    for (let i = 0; i < 10; i++) assert.equal(text(await store.getRange("wal/0", i, 1)), String(i));
    assert.deepEqual(new Set(order), new Set(["read", "read ended"]));
    order.length = 0;
    await runtime.advance(10_000);
    assert.ok(order.includes("close"));
    assert.equal(runtime.pendingTimers, 0);
    await store.close();
  });

  it("are far fewer than the objects read", async () => {
    let open = 0;
    let mostOpen = 0;
    const calls: FileCalls = {
      ...systemFileCalls,
      open: async (path, flags) => {
        const fd = await systemFileCalls.open(path, flags);
        mostOpen = Math.max(mostOpen, ++open);
        return fd;
      },
      close: async (fd) => {
        await systemFileCalls.close(fd);
        open--;
      },
    };
    const store = await FileStore.open(freshDirectory(), systemRuntime, { calls });
    for (let i = 0; i < 200; i++) {
      await store.putIfAbsent(`wal/${i}`, [bytes(String(i))]);
      assert.equal(text(await store.getRange(`wal/${i}`, 0, 10)), String(i));
    }
    assert.ok(mostOpen < 100, `${mostOpen} open at once`);
    await store.close();
    assert.equal(open, 0);
  });
});

describe("a FileStore that is closed", () => {
  it("has let puts under way end first, and refuses later calls", async () => {
    const directory = freshDirectory();
    const store = await FileStore.open(directory, systemRuntime);
    const put = store.putIfAbsent("wal/0", [bytes("x")]);
    await store.close();
    await put;
    assert.deepEqual(await readdir(join(directory, "tmp")), []);
    await assert.rejects(store.putIfAbsent("wal/1", [bytes("x")]), kind("unavailable"));
    await assert.rejects(store.get("wal/0"), kind("unavailable"));
    await assert.rejects(store.list(""), kind("unavailable"));
  });
});

describe("errors of the file system", () => {
  it("are taken for facts only where they are", () => {
    const table: readonly [code: string, read: string, prepare: string, name: string, settle: string][] = [
      ["ENOENT", "absent", "unavailable", "unavailable", "ambiguous"],
      ["EEXIST", "unavailable", "unavailable", "exists", "ambiguous"],
      ["ENOSPC", "full", "full", "full", "ambiguous"],
      ["EDQUOT", "full", "full", "full", "ambiguous"],
      ["EACCES", "denied", "denied", "denied", "ambiguous"],
      ["EPERM", "denied", "denied", "denied", "ambiguous"],
      ["EROFS", "denied", "denied", "denied", "ambiguous"],
      ["EIO", "unavailable", "unavailable", "ambiguous", "ambiguous"],
      ["EMFILE", "unavailable", "unavailable", "ambiguous", "ambiguous"],
      ["", "unavailable", "unavailable", "ambiguous", "ambiguous"],
    ];
    for (const [code, ...expected] of table) {
      const kinds = (["read", "prepare", "name", "settle"] as const).map((phase) => fileErrorKind(code, phase));
      assert.deepEqual(kinds, expected, code);
    }
  });
});

type Faults = { [call in keyof FileCalls]?: string };

/** The system's calls, of which those named fail with a code, without effect. */
function failing(faults: Faults): FileCalls {
  return intercepted(async (call, run) => {
    const code = faults[call];
    if (code !== undefined) throw Object.assign(new Error(`${code}: injected`), { code });
    return run();
  });
}

/** Notes the start and the end of each call. */
function recording(order: string[]): FileCalls {
  return intercepted(async (call, run) => {
    order.push(call);
    try {
      return await run();
    } finally {
      order.push(`${call} ended`);
    }
  });
}

function intercepted(around: <T>(call: keyof FileCalls, run: () => Promise<T>) => Promise<T>): FileCalls {
  const real = systemFileCalls;
  return {
    open: (...args) => around("open", () => real.open(...args)),
    close: (...args) => around("close", () => real.close(...args)),
    writev: (...args) => around("writev", () => real.writev(...args)),
    read: (...args) => around("read", () => real.read(...args)),
    size: (...args) => around("size", () => real.size(...args)),
    fdatasync: (...args) => around("fdatasync", () => real.fdatasync(...args)),
    fsync: (...args) => around("fsync", () => real.fsync(...args)),
    link: (...args) => around("link", () => real.link(...args)),
    rename: (...args) => around("rename", () => real.rename(...args)),
    unlink: (...args) => around("unlink", () => real.unlink(...args)),
    mkdir: (...args) => around("mkdir", () => real.mkdir(...args)),
    opendir: (...args) => around("opendir", () => real.opendir(...args)),
  };
}

function openError(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreOpenError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  };
}

function inUseBy(pid: number): (error: unknown) => boolean {
  return openError(new RegExp(`is in use by another process \\(pid ${pid}\\)$`));
}

const CHILD_OBJECT_BYTES = 20_000;

function spawnChild(directory: string, task: "hold" | "write"): ChildProcess {
  const program = `
    import { FileStore } from ${JSON.stringify(new URL("./file-store.ts", import.meta.url).href)};
    import { systemRuntime } from ${JSON.stringify(new URL("../runtime/index.ts", import.meta.url).href)};
    const store = await FileStore.open(${JSON.stringify(directory)}, systemRuntime);
    setInterval(() => undefined, 1000);
    process.stdout.write("open\\n");
    for (let i = 0; ${task === "write"}; i += 4) {
      await Promise.all([i, i + 1, i + 2, i + 3].map(async (n) => {
        await store.putIfAbsent("wal/" + n, [Buffer.alloc(${CHILD_OBJECT_BYTES}, n % 256)]);
        process.stdout.write("put " + n + "\\n");
      }));
    }`;
  return spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: ["ignore", "pipe", "pipe"] });
}

async function startChild(directory: string, task: "hold" | "write") {
  const child = spawnChild(directory, task);
  const ended = once(child, "close");
  let output = "";
  let complaint = "";
  let notify = () => {};
  child.stdout?.setEncoding("utf8").on("data", (said: string) => {
    output += said;
    notify();
  });
  child.stderr?.setEncoding("utf8").on("data", (said: string) => {
    complaint += said;
  });
  void ended.then(() => notify());
  const heard = async (line: string) => {
    while (!output.includes(line)) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the child ended: ${complaint}`);
      await new Promise<void>((resolve) => {
        notify = resolve;
      });
    }
  };
  await heard("open\n");
  return {
    pid: child.pid ?? assert.fail("a child that speaks has a pid"),
    heard,
    said: () => output,
    signal: (signal: NodeJS.Signals) => child.kill(signal),
    kill: async (signal: NodeJS.Signals) => {
      child.kill(signal);
      await ended;
    },
  };
}
