// Sealing: what goes in comes out, nothing that was touched does, and where it is done makes no difference.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, test } from "node:test";
import fc from "fast-check";
import {
  AEAD_CIPHERS,
  type AeadCipher,
  type AeadJob,
  deriveKey,
  loadAegis,
  openMessages,
  sealMessages,
} from "./aead.ts";
import { AeadPool } from "./aead-pool.ts";

const CIPHERS = Object.keys(AEAD_CIPHERS) as AeadCipher[];
const CLEAR_BYTES = 3;

before(loadAegis);

/** A job to seal `texts`, with clear bytes and nonces in place. */
function jobOf(cipher: AeadCipher, key: Uint8Array, context: Uint8Array, texts: readonly Uint8Array[]): AeadJob {
  const { nonceBytes, tagBytes } = AEAD_CIPHERS[cipher];
  const plainSpans = new Uint32Array(2 * texts.length);
  const sealedSpans = new Uint32Array(2 * texts.length);
  let plainAt = 0;
  let sealedAt = 0;
  texts.forEach((text, i) => {
    plainSpans.set([plainAt, plainAt + text.length], 2 * i);
    plainAt += text.length;
    const length = CLEAR_BYTES + nonceBytes + text.length + tagBytes;
    sealedSpans.set([sealedAt, sealedAt + length], 2 * i);
    sealedAt += length;
  });
  const sealed = new Uint8Array(sealedAt);
  texts.forEach((_, i) => {
    sealed.set(randomBytes(CLEAR_BYTES + nonceBytes), sealedSpans[2 * i]);
  });
  const plain = Uint8Array.from(Buffer.concat(texts));
  return { cipher, key, context, clearBytes: CLEAR_BYTES, sealed, sealedSpans, plain, plainSpans };
}

const texts = fc.array(fc.uint8Array({ maxLength: 200 }), { minLength: 1, maxLength: 5 });

for (const cipher of CIPHERS) {
  test(`${cipher}: what was sealed opens`, () => {
    fc.assert(
      fc.property(texts, fc.uint8Array({ maxLength: 40 }), (each, context) => {
        const job = jobOf(cipher, randomBytes(32), context, each);
        sealMessages(job);
        const plain = new Uint8Array(job.plain.length);
        assert.equal(openMessages({ ...job, plain }), each.length);
        assert.deepEqual(plain, job.plain);
      }),
      { numRuns: 50 },
    );
  });

  test(`${cipher}: every flipped bit, another key and another context are noticed`, () => {
    const key = randomBytes(32);
    const context = randomBytes(16);
    const text = Buffer.from("attack at dawn");
    const job = jobOf(cipher, key, context, [text]);
    sealMessages(job);
    assert.equal(Buffer.from(job.sealed).includes(text), false);
    const opens = (changed: Partial<AeadJob>) => openMessages({ ...job, ...changed }) === 1;
    assert.equal(opens({}), true);
    for (let bit = 0; bit < 8 * job.sealed.length; bit += 1) {
      const sealed = Uint8Array.from(job.sealed);
      sealed[bit >>> 3] ^= 1 << (bit & 7);
      assert.equal(opens({ sealed }), false, `bit ${bit}`);
    }
    for (let bit = 0; bit < 8 * 32; bit += 1) {
      const other = Uint8Array.from(key);
      other[bit >>> 3] ^= 1 << (bit & 7);
      assert.equal(opens({ key: other }), false);
    }
    assert.equal(opens({ context: randomBytes(16) }), false);
    assert.equal(opens({ context: context.subarray(0, 15) }), false);
  });

  test(`${cipher}: opening stops before the first message that is not authentic`, () => {
    const job = jobOf(cipher, randomBytes(32), new Uint8Array(0), [
      Buffer.from("a"),
      Buffer.from("b"),
      Buffer.from("c"),
    ]);
    sealMessages(job);
    job.sealed[job.sealedSpans[5] - 1] ^= 1;
    assert.equal(openMessages(job), 2);
  });

  test(`${cipher}: a pool does large jobs on a thread, with the same outcome`, async () => {
    const pool = new AeadPool();
    const small = jobOf(cipher, randomBytes(32), randomBytes(8), [randomBytes(100)]);
    assert.equal((await pool.seal(small)).length, small.sealed.length);
    assert.equal(pool.workers, 0);
    const bodies = Array.from({ length: 300 }, () => randomBytes(3000));
    const job = jobOf(cipher, randomBytes(32), randomBytes(8), bodies);
    const expected = { ...job, sealed: Uint8Array.from(job.sealed) };
    sealMessages(expected);
    // Several at once: more than there are workers.
    const sealed = await Promise.all(
      [0, 1, 2, 3, 4, 5].map(() => pool.seal({ ...job, sealed: Uint8Array.from(job.sealed) })),
    );
    for (const each of sealed) assert.deepEqual(each, expected.sealed);
    assert.ok(pool.workers > 0);
    const opened = await pool.open({ ...job, sealed: sealed[0], plain: new Uint8Array(job.plain.length) });
    assert.equal(opened.opened, bodies.length);
    assert.deepEqual(opened.plain, job.plain);
    sealed[1][job.sealedSpans[400]] ^= 1;
    const cut = await pool.open({ ...job, sealed: sealed[1], plain: new Uint8Array(job.plain.length) });
    assert.equal(cut.opened, 200);
    await pool.close();
    assert.equal(pool.workers, 0);
  });
}

test("derived keys differ by key, salt and purpose", () => {
  const key = randomBytes(32);
  const salt = randomBytes(16);
  const all = [
    deriveKey(key, salt, "a"),
    deriveKey(key, salt, "b"),
    deriveKey(key, randomBytes(16), "a"),
    deriveKey(randomBytes(32), salt, "a"),
    key,
  ].map((each) => Buffer.from(each).toString("hex"));
  assert.equal(new Set(all).size, all.length);
  assert.equal(Buffer.from(deriveKey(key, salt, "a")).toString("hex"), all[0]);
});
