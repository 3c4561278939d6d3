// The one contract, against every store.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startVersitygw, VERSITYGW_MISSING } from "../../../../test/support/versitygw.ts";
import { systemRuntime } from "../runtime/index.ts";
import { describeStoreContract } from "./contract.ts";
import { CountingStore } from "./counting-store.ts";
import { FaultyStore } from "./faulty-store.ts";
import { FileStore } from "./file-store.ts";
import { MemoryStore } from "./memory-store.ts";
import { S3Store } from "./s3-store.ts";
import { SplitStore } from "./split-store.ts";

describeStoreContract("MemoryStore", async () => {
  const store = new MemoryStore();
  return { store, end: () => store.close() };
});

describeStoreContract("FileStore", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tailrace-file-store-"));
  const store = await FileStore.open(join(directory, "some", "where"), systemRuntime);
  return {
    store,
    end: async () => {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
});

describeStoreContract("FaultyStore without faults", async () => {
  const store = new FaultyStore(new MemoryStore(), systemRuntime);
  return { store, end: () => store.close() };
});

describeStoreContract("CountingStore", async () => {
  const store = new CountingStore(new MemoryStore(), { clock: systemRuntime.clock });
  return { store, end: () => store.close() };
});

describeStoreContract("SplitStore", async () => {
  // Half of the letters that keys begin with.
  const route = { has: (key: string) => /^[a-m]/.test(key), mayHave: (prefix: string) => /^([a-m]|$)/.test(prefix) };
  const store = new SplitStore(new MemoryStore(), new MemoryStore(), { ...route, base: "other/" });
  return { store, end: () => store.close() };
});

describeStoreContract("SplitStore of one store", async () => {
  const store = new MemoryStore();
  const route = { has: (key: string) => /^[a-f]/.test(key), mayHave: (prefix: string) => /^([a-f]|$)/.test(prefix) };
  const split = new SplitStore(store, store, { ...route, base: "zz/moved/" });
  return { store: split, end: () => split.close() };
});

for (const prefix of ["", "some/prefix"]) {
  describeStoreContract(
    `S3Store with the prefix "${prefix}"`,
    async () => {
      const server = await startVersitygw();
      if (server === undefined) return undefined;
      const { bucket, endpoint, credentials } = server;
      const store = await S3Store.open({ bucket, prefix, endpoint, credentials }, systemRuntime);
      return {
        store,
        end: async () => {
          await store.close();
          await server.stop();
        },
      };
    },
    VERSITYGW_MISSING,
  );
}
