// What the S3 store promises beyond the contract: it refuses a server that cannot keep data apart, and never takes a lost
// reply for a fact. Against a real server where there is one; a stand-in only where the real one cannot be made to misbehave.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener, request, type Server } from "node:http";
import { after, before, describe, it, type TestContext } from "node:test";
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { startVersitygw, VERSITYGW_MISSING, type Versitygw } from "../../../../test/support/versitygw.ts";
import { type Runtime, systemRuntime, VirtualRuntime } from "../runtime/index.ts";
import { bytes, kind, text } from "./contract.ts";
import { ObjectStoreError, type ObjectStoreErrorKind } from "./object-store.ts";
import { parseS3Encryption } from "./s3/encryption.ts";
import { type S3Operation, s3ErrorKind, toS3StoreError } from "./s3/s3-errors.ts";
import { S3Store, type S3StoreOptions } from "./s3-store.ts";
import { StoreOpenError } from "./store-open-error.ts";

const MIB = 1024 * 1024;
/** As small as S3 takes them. */
const SMALL_PARTS = { multipart: { fromBytes: 5 * MIB, partBytes: 5 * MIB } };
const CREDENTIALS = { accessKeyId: "test", secretAccessKey: "test" };

describe("S3Store against a real server", () => {
  let server: Versitygw | undefined;
  before(async () => {
    server = await startVersitygw();
  });
  after(async () => {
    await server?.stop();
  });

  real("leaves nothing of its probe behind", async (gateway) => {
    const store = await openAt(gateway, "probed");
    assert.deepEqual(await store.list(""), []);
    await store.close();
  });

  real("deletes many objects in one request", async (gateway) => {
    const store = await openAt(gateway, "many");
    const keys = Array.from({ length: 30 }, (_, i) => `a/${i}`);
    await Promise.all(keys.map((key) => store.putIfAbsent(key, [bytes("x")])));
    assert.deepEqual(await store.deleteMany(keys), { undeleted: [], requests: 1 });
    assert.deepEqual(await store.list(""), []);
    await store.close();
  });

  real("keeps to its prefix", async (gateway) => {
    const one = await openAt(gateway, "team/one");
    const two = await openAt(gateway, "team/one-more");
    await one.putIfAbsent("a", [bytes("of one")]);
    await two.putIfAbsent("a", [bytes("of two")]);
    assert.equal(text(await one.get("a")), "of one");
    assert.deepEqual(await one.list(""), ["a"]);
    assert.deepEqual(await two.list("", "Z"), ["a"]);
    await Promise.all([one.close(), two.close()]);
  });

  real("can be looked at without putting anything", async (gateway) => {
    const store = await openAt(gateway, "viewed");
    await store.putIfAbsent("a/b", [bytes("hello")]);
    const { bucket, endpoint, credentials } = gateway;
    const view = await S3Store.openView({ bucket, prefix: "viewed", endpoint, credentials }, systemRuntime);
    assert.deepEqual(await view.listObjects(""), [{ key: "a/b", bytes: 5 }]);
    assert.equal(text(await view.get("a/b")), "hello");
    const elsewhere = S3Store.openView({ bucket: "no-such-bucket", endpoint, credentials }, systemRuntime);
    await assert.rejects(elsewhere, openError(/the bucket no-such-bucket does not exist/));
    await Promise.all([store.close(), view.close()]);
  });

  real("signs what it sends piece by piece, with others served in between", async (gateway) => {
    let turns = 0;
    const counted = (callback: () => void) => {
      turns += 1;
      systemRuntime.timers.immediate(callback);
    };
    const timers = { ...systemRuntime.timers, immediate: counted };
    const store = await openAt(gateway, "pieces", { ...systemRuntime, timers });
    // Parts of every kind: empty, small, as large as a piece, larger than a stretch.
    const lengths = [0, 1, 8000, 255 * 1024, 3, 256 * 1024, 3 * MIB + 5, 0, 100_000, 200_000, 2 * MIB];
    const parts = lengths.map((length, i) => Buffer.alloc(length, i + 1));
    await store.putIfAbsent("one", parts);
    assert.ok(Buffer.concat(parts).equals(await store.get("one")));
    assert.ok(turns >= 5, `${turns} turns`);
    // A server that refuses before it has read everything may close the connection, too.
    await assert.rejects(
      store.putIfAbsent("one", [Buffer.alloc(3 * MIB)]),
      (error) => error instanceof ObjectStoreError && (error.kind === "exists" || error.kind === "ambiguous"),
    );
    assert.ok(Buffer.concat(parts).equals(await store.get("one")));
    await store.put("one", parts.slice(6));
    assert.ok(Buffer.concat(parts.slice(6)).equals(await store.get("one")));
    // Had others changed them meanwhile, the server would not take them for what was signed.
    const changing = Buffer.alloc(8 * MIB);
    const put = store.putIfAbsent("changed", [changing]);
    setImmediate(() => changing.fill(1, 0, 100));
    await assert.rejects(put);
    await assert.rejects(store.get("changed"), kind("absent"));
    await store.close();
  });

  real("puts large objects in parts, if absent, and leaves none behind", async (gateway) => {
    const store = await openAt(gateway, "parts", systemRuntime, SMALL_PARTS);
    // More than two parts, cut across those that the caller has.
    const pieces = Array.from({ length: 13 }, (_, i) => Buffer.alloc(MIB, i));
    await store.putIfAbsent("large/a", pieces);
    assert.ok(Buffer.concat(pieces).equals(await store.get("large/a")));
    await assert.rejects(store.putIfAbsent("large/a", [Buffer.alloc(13 * MIB)]), kind("exists"));
    assert.ok(Buffer.concat(pieces).equals(await store.get("large/a")));
    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, (_, i) => store.putIfAbsent("large/race", [Buffer.alloc(6 * MIB, i)])),
    );
    assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
    const winner = outcomes.findIndex(({ status }) => status === "fulfilled");
    assert.ok(Buffer.alloc(6 * MIB, winner).equals(await store.get("large/race")));
    await store.put("large/a", [Buffer.alloc(6 * MIB, 7)]);
    assert.equal((await store.get("large/a"))[0], 7);
    assert.deepEqual(await store.list(""), ["large/a", "large/race"], "no probe is left");
    assert.deepEqual(await uploadsLeft(gateway), []);
    await store.close();
  });

  real("a large put that breaks off has put nothing, and is made up for by the next", async (gateway, test) => {
    let breaksAt = Number.POSITIVE_INFINITY;
    const target = new URL(gateway.endpoint);
    let parts = 0;
    const proxy = await listen((incoming, outgoing) => {
      const { method, headers, url = "" } = incoming;
      if (method === "PUT" && url.includes("partNumber") && ++parts === breaksAt) return incoming.socket.destroy();
      const onward = request({ host: target.hostname, port: target.port, method, headers, path: url }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(outgoing);
      });
      return incoming.pipe(onward);
    });
    test.after(() => proxy.close());
    const store = await openAt({ ...gateway, ...proxy }, "broken", systemRuntime, SMALL_PARTS);
    await store.putIfAbsent("first", [Buffer.alloc(6 * MIB)]);
    breaksAt = parts + 2;
    await assert.rejects(store.putIfAbsent("large", [Buffer.alloc(11 * MIB, 1)]), kind("unavailable"));
    await assert.rejects(store.get("large"), kind("absent"));
    await store.putIfAbsent("large", [Buffer.alloc(11 * MIB, 1)]);
    assert.ok(Buffer.alloc(11 * MIB, 1).equals(await store.get("large")));
    assert.deepEqual(await uploadsLeft(gateway), []);
    await store.close();
  });

  real("parts that a dead process has left are cleared away when they are old", async (gateway, test) => {
    const client = clientOf(gateway);
    test.after(() => client.destroy());
    const begin = (Key: string) => client.send(new CreateMultipartUploadCommand({ Bucket: gateway.bucket, Key }));
    await begin("swept/abandoned");
    await begin("elsewhere/abandoned");
    const young = await openAt(gateway, "swept", systemRuntime, SMALL_PARTS);
    await young.putIfAbsent("a", [Buffer.alloc(6 * MIB)]);
    assert.equal((await uploadsLeft(gateway)).length, 2, "it may be somebody's");
    const clock = { ...systemRuntime.clock, wallMs: () => Date.now() + 25 * 60 * 60 * 1000 };
    const later: Runtime = { ...systemRuntime, clock };
    const old = await openAt(gateway, "swept", later, SMALL_PARTS);
    await old.putIfAbsent("b", [Buffer.alloc(6 * MIB)]);
    assert.deepEqual(await uploadsLeft(gateway), ["elsewhere/abandoned"]);
    await Promise.all([young.close(), old.close()]);
  });

  real("refuses a bucket that is not there, wrong credentials and a port where nobody listens", async (gateway) => {
    const { endpoint, bucket, credentials } = gateway;
    const open = (changes: object) => S3Store.open({ bucket, endpoint, credentials, ...changes }, systemRuntime);
    await assert.rejects(open({ bucket: "no-such-bucket" }), openError(/the bucket no-such-bucket does not exist/));
    const wrong = { ...credentials, secretAccessKey: "wrong" };
    await assert.rejects(open({ credentials: wrong }), openError(/access to s3:.* is denied/));
    const unused = await listen(() => undefined);
    await unused.close();
    await assert.rejects(open({ endpoint: unused.endpoint }), openError(/cannot use s3:.*ECONNREFUSED/));
  });

  real(
    "tells a server that is gone from one that does not answer, and is well when it is back",
    async (gateway, test) => {
      const runtime = new VirtualRuntime({ seed: 1 });
      const store = await openAt(gateway, "gone", runtime);
      test.after(() => store.close());
      await store.putIfAbsent("a", [bytes("x")]);

      gateway.pause();
      const put = assert.rejects(store.putIfAbsent("b", [bytes("y")]), kind("ambiguous"));
      const get = assert.rejects(store.get("a"), kind("unavailable"));
      await letTimePass(runtime, Promise.all([put, get]));
      gateway.resume();

      await gateway.kill();
      // Kept-alive connections break first, all of those that there may be: that does not tell whether a put got through.
      for (let i = 0; i < 5; i += 1) await assert.rejects(store.get("a"), kind("unavailable"));
      await assert.rejects(store.list(""), kind("unavailable"));
      await assert.rejects(store.putIfAbsent("c", [bytes("z")]), kind("unavailable"));
      await gateway.restart();
      assert.equal(text(await store.get("a")), "x");
      await store.putIfAbsent("c", [bytes("z")]);
    },
  );

  real("calls a put whose reply was lost ambiguous, though it took effect", async (gateway, test) => {
    let dropReplies = false;
    const target = new URL(gateway.endpoint);
    // Passes everything on, and hangs up instead of answering when told to. The Host header stays the client's: it is signed.
    const proxy = await listen((incoming, outgoing) => {
      const { method, headers, url } = incoming;
      const onward = request({ host: target.hostname, port: target.port, method, headers, path: url }, (answer) => {
        if (dropReplies) {
          answer.resume();
          incoming.socket.destroy();
        } else {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        }
      });
      incoming.pipe(onward);
    });
    test.after(() => proxy.close());
    const { bucket, credentials } = gateway;
    const store = await S3Store.open({ bucket, prefix: "lost", endpoint: proxy.endpoint, credentials }, systemRuntime);
    dropReplies = true;
    await assert.rejects(store.putIfAbsent("a", [bytes("mine")]), kind("ambiguous"));
    dropReplies = false;
    await assert.rejects(store.putIfAbsent("a", [bytes("mine")]), kind("exists"));
    assert.equal(text(await store.get("a")), "mine");
    await store.close();
  });

  function real(what: string, check: (gateway: Versitygw, test: TestContext) => Promise<void>): void {
    it(what, async (test) => {
      if (server === undefined) return test.skip(VERSITYGW_MISSING);
      await check(server, test);
    });
  }
});

describe("S3Store against a server that misbehaves", () => {
  it("refuses one that overwrites in spite of the condition", async () => {
    const server = await listen((_request, response) => response.writeHead(200, { etag: '"1"' }).end());
    await assert.rejects(
      openAt({ ...server, bucket: "b", credentials: CREDENTIALS }, ""),
      openError(/does not honour "If-None-Match: \*"/),
    );
    await server.close();
  });

  it("sends each request once, and under the condition", async () => {
    const seen: string[] = [];
    const server = await listen((incoming, response) => {
      seen.push(`${incoming.method} ${incoming.headers["if-none-match"] ?? ""}`.trim());
      const answers = [200, 412, 204];
      response.writeHead(answers[seen.length - 1] ?? 500).end();
    });
    const store = await openAt({ ...server, bucket: "b", credentials: CREDENTIALS }, "");
    assert.deepEqual(seen, ["PUT *", "PUT *", "DELETE"]);
    seen.length = 3;
    await assert.rejects(store.putIfAbsent("a", [bytes("x")]), kind("ambiguous"));
    await assert.rejects(store.put("a", [bytes("x")]), kind("ambiguous"));
    await assert.rejects(store.get("a"), kind("unavailable"));
    await assert.rejects(store.list(""), kind("unavailable"));
    await assert.rejects(store.delete("a"), kind("ambiguous"));
    assert.deepEqual(seen.slice(3), ["PUT *", "PUT", "GET", "GET", "DELETE"]);
    await store.close();
    await server.close();
  });

  it("deletes one by one where the server does not take many, and asks it only once", async () => {
    for (const [status, code] of [
      [400, "InvalidArgument"],
      [400, "MissingContentMD5"],
      [501, "NotImplemented"],
    ] as const) {
      const seen: string[] = [];
      const server = await listen((incoming, response) => {
        seen.push(`${incoming.method} ${incoming.url?.split("?")[0]}`);
        if (incoming.method === "POST") return response.writeHead(status).end(errorBody(code));
        response.writeHead(incoming.method === "DELETE" ? 204 : ([200, 412][seen.length - 1] ?? 500)).end();
      });
      const store = await openAt({ ...server, bucket: "b", credentials: CREDENTIALS }, "");
      seen.length = 0;
      assert.deepEqual(await store.deleteMany(["x", "y"]), { undeleted: [], requests: 3 });
      assert.deepEqual(await store.deleteMany(["z"]), { undeleted: [], requests: 1 });
      assert.deepEqual(seen.toSorted(), ["DELETE /b/x", "DELETE /b/y", "DELETE /b/z", "POST /b/"]);
      await store.close();
      await server.close();
    }
  });

  it("tells which of many objects were not deleted, and never takes a failure for a refusal of many", async () => {
    let answer: readonly [number, string] = [500, ""];
    let contentMd5: unknown;
    let requests = 0;
    const server = await listen((incoming, response) => {
      requests += 1;
      contentMd5 = incoming.headers["content-md5"] ?? contentMd5;
      if (incoming.method === "POST") return response.writeHead(answer[0]).end(answer[1]);
      response.writeHead([200, 412, 204][requests - 1] ?? 500).end();
    });
    const store = await openAt({ ...server, bucket: "b", credentials: CREDENTIALS }, "p");
    const errors = [
      ["a", "AccessDenied"],
      ["b", "InternalError"],
      ["c", "NoSuchKey"],
    ].map(([key, code]) => `<Error><Key>p/${key}</Key><Code>${code}</Code><Message>no</Message></Error>`);
    answer = [200, `<DeleteResult>${errors.join("")}</DeleteResult>`];
    const { undeleted } = await store.deleteMany(["a", "b", "c", "d"]);
    assert.deepEqual(
      undeleted.map(({ key, error }) => [key, error.kind]),
      [
        ["a", "denied"],
        ["b", "ambiguous"],
      ],
    );
    assert.match(String(contentMd5), /^[A-Za-z0-9+/]{22}==$/);
    requests = 3;
    for (const [status, code, expected] of [
      [500, "InternalError", "ambiguous"],
      [503, "SlowDown", "ambiguous"],
      [403, "AccessDenied", "denied"],
      [400, "ExpiredToken", "unavailable"],
    ] as const) {
      answer = [status, errorBody(code)];
      await assert.rejects(store.deleteMany(["a", "b"]), kind(expected));
    }
    assert.equal(requests, 7);
    await store.close();
    await server.close();
  });

  it("puts large objects whole where the server does not honour the condition on parts", async () => {
    for (const answersComplete of [
      [200, `<CompleteMultipartUploadResult><ETag>"1"</ETag></CompleteMultipartUploadResult>`],
      [501, errorBody("NotImplemented")],
      [400, errorBody("InvalidArgument")],
    ] as const) {
      const seen: string[] = [];
      const server = await listen((incoming, response) => {
        const { method, url = "" } = incoming;
        const [, query = ""] = url.split("?");
        incoming.resume().on("end", () => {
          seen.push(`${method} ${incoming.headers["if-none-match"] ?? ""} ${query.split("=")[0]}`);
          if (method === "POST" && query.startsWith("uploads"))
            return response
              .writeHead(200)
              .end("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
          if (method === "POST") return response.writeHead(answersComplete[0]).end(answersComplete[1]);
          if (method === "DELETE") return response.writeHead(204).end();
          const isSecondProbe = seen.length === 2;
          return response.writeHead(isSecondProbe ? 412 : 200, { etag: '"1"' }).end();
        });
      });
      const store = await openAt({ ...server, bucket: "b", credentials: CREDENTIALS }, "", systemRuntime, SMALL_PARTS);
      seen.length = 3;
      await store.putIfAbsent("a", [Buffer.alloc(6 * MIB)]);
      assert.equal(seen.at(-1), "PUT * x-id");
      const asked = seen.length;
      await store.putIfAbsent("b", [Buffer.alloc(6 * MIB)]);
      assert.equal(seen.length, asked + 1, "it is asked once");
      await store.close();
      await server.close();
    }
  });

  it("asks for encryption with every object that it makes, in one piece or in parts", async () => {
    for (const [text, expected] of [
      ["AES256", "AES256 undefined"],
      ["aws:kms", "aws:kms undefined"],
      ["aws:kms=arn:aws:kms:eu-west-1:1:key/2", "aws:kms arn:aws:kms:eu-west-1:1:key/2"],
      ["aws:kms:dsse=alias/x", "aws:kms:dsse alias/x"],
    ] as const) {
      const seen: string[] = [];
      let requests = 0;
      const server = await listen((incoming, response) => {
        const { method, url = "", headers } = incoming;
        requests += 1;
        const makes =
          (method === "PUT" && !url.includes("partNumber")) || (method === "POST" && url.includes("uploads"));
        if (makes)
          seen.push(
            `${headers["x-amz-server-side-encryption"]} ${headers["x-amz-server-side-encryption-aws-kms-key-id"]}`,
          );
        incoming.resume().on("end", () => {
          if (url.includes("uploads"))
            return response
              .writeHead(200)
              .end("<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>");
          if (method === "POST") return response.writeHead(412).end(errorBody("PreconditionFailed"));
          return response.writeHead(requests === 2 ? 412 : method === "DELETE" ? 204 : 200, { etag: '"1"' }).end();
        });
      });
      const options = { ...SMALL_PARTS, encryption: parseS3Encryption(text) };
      const store = await openAt({ ...server, bucket: "b", credentials: CREDENTIALS }, "", systemRuntime, options);
      await store.put("small", [bytes("x")]);
      await assert.rejects(store.putIfAbsent("large", [Buffer.alloc(6 * MIB)]), kind("exists"));
      assert.ok(seen.length >= 6, `${seen.length}`);
      assert.deepEqual([...new Set(seen)], [expected]);
      await store.close();
      await server.close();
    }
    for (const wrong of ["", "aes256", "aws:kms=", "kms", "AES256=x"])
      assert.throws(() => parseS3Encryption(wrong), StoreOpenError, wrong);
    assert.deepEqual(parseS3Encryption(undefined), {});
  });

  it("takes no listing that is out of order", async () => {
    let requests = 0;
    const server = await listen((_request, response) => {
      const status = [200, 412, 204][requests++];
      if (status !== undefined) return response.writeHead(status).end();
      const contents = ["b", "a"].map((key) => `<Contents><Key>${key}</Key></Contents>`).join("");
      return response.writeHead(200).end(`<ListBucketResult>${contents}</ListBucketResult>`);
    });
    const store = await openAt({ ...server, bucket: "b", credentials: CREDENTIALS }, "");
    await assert.rejects(store.list(""), (error) => kind("unavailable")(error) && /out of order/.test(String(error)));
    await store.close();
    await server.close();
  });

  it("never hands out a body that was cut short", async () => {
    let requests = 0;
    const server = await listen((_request, response) => {
      const status = [200, 412, 204][requests++];
      if (status !== undefined) return response.writeHead(status).end();
      response.writeHead(200, { "content-length": "1000" });
      response.write("only this", () => response.socket?.destroy());
    });
    const store = await openAt({ ...server, bucket: "b", credentials: CREDENTIALS }, "");
    await assert.rejects(store.get("a"), kind("unavailable"));
    await store.close();
    await server.close();
  });
});

describe("errors of S3", () => {
  it("are taken for facts only where they are", () => {
    const table: readonly [status: number, code: string, expected: { [op in S3Operation]?: ObjectStoreErrorKind }][] = [
      [412, "PreconditionFailed", { putIfAbsent: "exists" }],
      [409, "ConditionalRequestConflict", { putIfAbsent: "ambiguous" }],
      [404, "NoSuchKey", { read: "absent", putIfAbsent: "unavailable" }],
      [404, "NoSuchBucket", { read: "unavailable", putIfAbsent: "unavailable", list: "unavailable" }],
      [404, "NotFound", { read: "unavailable" }],
      [403, "AccessDenied", { read: "denied", putIfAbsent: "denied", list: "denied", delete: "denied" }],
      [401, "Unauthorized", { read: "denied" }],
      [403, "QuotaExceeded", { putIfAbsent: "full" }],
      [507, "InsufficientStorage", { putIfAbsent: "full", put: "full" }],
      [500, "InternalError", { putIfAbsent: "ambiguous", put: "ambiguous", read: "unavailable", delete: "ambiguous" }],
      [503, "SlowDown", { putIfAbsent: "ambiguous", read: "unavailable", list: "unavailable" }],
      [502, "UnknownError", { putIfAbsent: "ambiguous", read: "unavailable" }],
      [429, "TooManyRequests", { putIfAbsent: "unavailable" }],
      [400, "InvalidRequest", { putIfAbsent: "unavailable", read: "unavailable" }],
      [301, "PermanentRedirect", { putIfAbsent: "unavailable", read: "unavailable" }],
      [200, "SyntaxError", { putIfAbsent: "ambiguous", list: "unavailable" }],
      [0, "ECONNREFUSED", { putIfAbsent: "unavailable", read: "unavailable" }],
      [0, "ENOTFOUND", { putIfAbsent: "unavailable" }],
      [0, "ECONNRESET", { putIfAbsent: "ambiguous", put: "ambiguous", read: "unavailable" }],
      [0, "EPIPE", { putIfAbsent: "ambiguous" }],
      [0, "TimeoutError", { putIfAbsent: "ambiguous", read: "unavailable" }],
      [0, "AbortError", { putIfAbsent: "ambiguous", read: "unavailable" }],
      [0, "CredentialsProviderError", { putIfAbsent: "denied", read: "denied" }],
      [0, "", { putIfAbsent: "ambiguous", read: "unavailable" }],
    ];
    for (const [status, code, expected] of table) {
      for (const [operation, errorKind] of Object.entries(expected)) {
        // Object.entries forgets the type of the keys written just above.
        const actual = s3ErrorKind({ status, code }, operation as S3Operation);
        assert.equal(actual, errorKind, `${status} ${code} on ${operation}`);
      }
    }
  });

  it("tell a network that is away before a connection from one that went away on it", () => {
    const system = (code: string, syscall: string) => Object.assign(new Error(code), { code, syscall });
    for (const code of ["EHOSTUNREACH", "ENETUNREACH"]) {
      const connecting = system(code, "connect");
      const several = Object.assign(new AggregateError([connecting, connecting]), { code });
      for (const error of [connecting, several]) {
        assert.equal(toS3StoreError(error, "putIfAbsent", "k").kind, "unavailable");
        assert.equal(toS3StoreError(error, "read", "k").kind, "unavailable");
      }
      // A kept-alive connection: the request, or its answer, was on its way.
      for (const syscall of ["read", "write"]) {
        assert.equal(toS3StoreError(system(code, syscall), "putIfAbsent", "k").kind, "ambiguous");
        assert.equal(toS3StoreError(system(code, syscall), "read", "k").kind, "unavailable");
      }
    }
  });
});

type Where = Pick<Versitygw, "endpoint" | "bucket" | "credentials">;

function openAt(
  { endpoint, bucket, credentials }: Where,
  prefix: string,
  runtime: Runtime = systemRuntime,
  options: Partial<S3StoreOptions> = {},
): Promise<S3Store> {
  return S3Store.open({ bucket, prefix, endpoint, credentials, ...options }, runtime);
}

function clientOf({ endpoint, credentials }: Where): S3Client {
  return new S3Client({ endpoint, credentials, region: "us-east-1", forcePathStyle: true });
}

/** Keys of uploads that were begun and neither completed nor aborted. */
async function uploadsLeft(where: Where): Promise<string[]> {
  const client = clientOf(where);
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: where.bucket }));
  client.destroy();
  return Uploads.map(({ Key = "" }) => Key);
}

/** Lets virtual time pass, again and again, until what real sockets do has settled `done`. */
async function letTimePass(runtime: VirtualRuntime, done: Promise<unknown>): Promise<void> {
  let settled = false;
  const mark = () => {
    settled = true;
  };
  done.then(mark, mark);
  while (!settled) await runtime.advance(1000);
  await done;
}

async function listen(handle: RequestListener): Promise<{ endpoint: string; close(): Promise<void> }> {
  const server: Server = createServer(handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

function errorBody(code: string): string {
  return `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>no</Message></Error>`;
}

function openError(message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StoreOpenError, String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  };
}
