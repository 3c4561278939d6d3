// Access tokens as the account's state: decided when applied, gone when revoked or expired, and told only under the lease.
import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "../errors.ts";
import { VirtualRuntime } from "../runtime/index.ts";
import { Harness, sharedStore } from "../testing/harness.ts";
import { type AccessToken, AccessTokens } from "./access-tokens.ts";
import { ALL_RESOURCES, admits, isWithin, NO_RESOURCES, narrowed, type ResourceSet } from "./resource-set.ts";

function tokenOf(id: string, issuedAtMs: number, expiresAtMs: number | null = null): AccessToken {
  const none = { read: false, write: false };
  return {
    id,
    key: `key-of-${id}-at-${issuedAtMs}`,
    secretHash: "00",
    issuedAtMs,
    expiresAtMs,
    scope: {
      basins: NO_RESOURCES,
      streams: NO_RESOURCES,
      accessTokens: NO_RESOURCES,
      opGroups: { account: none, basin: none, stream: none },
      ops: ["read"],
    },
    autoPrefixStreams: false,
    streamNamespace: "",
  };
}

const code = (expected: string) => (error: unknown) => error instanceof EngineError && error.code === expected;

test("an id is taken until its token is revoked or has expired", () => {
  const tokens = new AccessTokens();
  const issue = (token: AccessToken) => tokens.apply({ kind: "issue-token", token, issuerKey: null }).kind;
  assert.equal(issue(tokenOf("a", 10, 100)), "issued");
  assert.equal(issue(tokenOf("a", 99)), "exists");
  assert.equal(issue(tokenOf("a", 100)), "issued");
  assert.equal(tokens.find(tokenOf("a", 10).key), undefined);
  assert.equal(tokens.apply({ kind: "revoke-token", id: "a", atMs: 200 }).kind, "revoked");
  assert.equal(tokens.apply({ kind: "revoke-token", id: "a", atMs: 200 }).kind, "not-found");
  assert.equal(issue(tokenOf("a", 201)), "issued");
});

test("expired tokens leave memory with the next change, soonest first", () => {
  const tokens = new AccessTokens();
  for (let i = 0; i < 1000; i += 1) {
    tokens.apply({ kind: "issue-token", token: tokenOf(`t${i}`, 0, 1 + ((i * 7919) % 1000)), issuerKey: null });
  }
  assert.equal(tokens.tree.size, 1000);
  tokens.apply({ kind: "revoke-token", id: "nobody", atMs: 500 });
  assert.equal(tokens.tree.size, 500);
  assert.ok([...tokens.tree.values()].every(({ expiresAtMs }) => expiresAtMs !== null && expiresAtMs > 500));
});

test("an issuer that is revoked first issues nothing", async () => {
  const h = await Harness.open();
  const { accessTokens } = h.engine;
  const issuer = tokenOf("issuer", 1);
  await h.until(accessTokens.issue(issuer, null));
  const [revoked, child] = await h.until(
    Promise.allSettled([accessTokens.revoke("issuer"), accessTokens.issue(tokenOf("child", 2), issuer.key)]),
  );
  assert.equal(revoked.status, "fulfilled");
  assert.ok(child.status === "rejected" && code("permission_denied")(child.reason));
  await assert.rejects(h.until(accessTokens.revoke("child")), code("access_token_not_found"));
});

test("who asks for one name at once gets it once", async () => {
  const h = await Harness.open();
  const attempts = Array.from({ length: 50 }, (_, i) => h.engine.accessTokens.issue(tokenOf("same", i), null));
  const outcomes = await h.until(Promise.allSettled(attempts));
  assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
});

test("a deposed owner does not say that a token is not there", async () => {
  const store = sharedStore();
  const old = await Harness.open(store);
  const taker = await Harness.open(store, new VirtualRuntime({ seed: 2 }));
  const token = tokenOf("new", 1);
  await taker.until(taker.engine.accessTokens.issue(token, null));
  await old.runtime.advance(60_000);
  assert.equal(old.halts.length, 0, "it has not noticed yet");
  await assert.rejects(old.until(old.engine.accessTokens.assertCurrent()), code("unavailable"));
  await assert.rejects(old.until(old.engine.accessTokens.list({ prefix: "", startAfter: "", limit: 10 })));
  assert.equal(taker.engine.accessTokens.find(token.key)?.id, "new");
});

test("sets of names: within means that nothing more is admitted, narrowed that nothing less is", () => {
  const sets: ResourceSet[] = [NO_RESOURCES, ALL_RESOURCES];
  const names = ["", "a", "ab", "abc", "b", "ba"];
  for (const name of names) sets.push({ kind: "exact", name }, { kind: "prefix", prefix: name });
  const all = [...names, "abcd", "bb", "c", "ac"];
  for (const outer of sets) {
    for (const inner of sets) {
      // No finite list of names tells a long exact set from a prefix; those are judged by their kinds.
      const contained = all.every((name) => !admits(inner, name) || admits(outer, name));
      if (isWithin(inner, outer)) assert.ok(contained, JSON.stringify([inner, outer]));
      else if (inner.kind !== "prefix" || outer.kind === "prefix") {
        assert.ok(!contained, JSON.stringify([inner, outer]));
      }
    }
    for (const prefix of names) {
      const narrow = narrowed(outer, prefix);
      for (const name of all) {
        assert.equal(
          admits(narrow, name),
          admits(outer, name) && name.startsWith(prefix),
          JSON.stringify([outer, prefix, name]),
        );
      }
    }
  }
});
