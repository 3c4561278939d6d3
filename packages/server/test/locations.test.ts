// Locations as the official SDK sees them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { S2Error } from "@s2-dev/streamstore";
import { BASIN, client, serve, type TestServer } from "./support.ts";

let served: TestServer;
before(async () => {
  served = await serve();
  const [local] = await served.engine.locations.list();
  const cellar = {
    name: "my:cellar.1",
    isPrivate: true,
    storageClasses: [{ name: "frugal", lingerMs: 50 }],
    defaultStorageClass: "frugal",
  };
  await served.engine.locations.define([local, cellar]);
});
after(() => served.stop());

const invalid = (error: unknown) => error instanceof S2Error && error.status === 422 && error.code === "invalid";

test("they are listed with their classes, and the default is got and set", async () => {
  const { locations, basins } = client(served.url);
  assert.deepEqual(await locations.list(), [
    { name: "local", isPrivate: false, storageClasses: ["express", "standard"], defaultStorageClass: "express" },
    { name: "my:cellar.1", isPrivate: true, storageClasses: ["frugal"], defaultStorageClass: "frugal" },
  ]);
  assert.equal((await locations.getDefault()).name, "local");
  await assert.rejects(locations.setDefault({ location: "nowhere" }), invalid);
  await assert.rejects(locations.setDefault({ location: "no such name" }), invalid);
  assert.equal((await locations.setDefault({ location: "my:cellar.1" })).name, "my:cellar.1");
  assert.equal((await locations.getDefault()).name, "my:cellar.1");
  const created = await basins.create({ basin: "default-basin" });
  assert.equal(created.location, "my:cellar.1");
  await locations.setDefault({ location: "local" });
  assert.equal((await basins.list({ prefix: "default-basin" })).basins[0].location, "my:cellar.1");
});

test("a basin stays where it was created, and its streams have the classes of that place", async () => {
  const s2 = client(served.url);
  assert.equal((await s2.basins.create({ basin: "cellar-basin", location: "my:cellar.1" })).location, "my:cellar.1");
  await assert.rejects(s2.basins.create({ basin: "nowhere-basin", location: "nowhere" }), invalid);
  const { basin } = await s2.basins.ensure({ basin: "cellar-basin" });
  assert.equal(basin.location, "my:cellar.1");
  await assert.rejects(s2.basins.ensure({ basin: "cellar-basin", location: "local" }), invalid);
  const cellar = s2.basin("cellar-basin");
  await cellar.streams.create({ stream: "plain" });
  assert.equal((await cellar.streams.getConfig({ stream: "plain" })).storageClass, "frugal");
  await assert.rejects(cellar.streams.create({ stream: "fast", config: { storageClass: "express" } }), invalid);
  await assert.rejects(
    s2.basins.reconfigure({ basin: "cellar-basin", defaultStreamConfig: { storageClass: "express" } }),
    invalid,
  );
  assert.equal((await s2.basins.getConfig({ basin: "cellar-basin" })).defaultStreamConfig?.storageClass, "frugal");
  assert.equal((await s2.basins.getConfig({ basin: BASIN })).defaultStreamConfig?.storageClass, "express");
});
