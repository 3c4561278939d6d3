// What requests carry besides records: frames, queries, configurations, ids of events, headers. And the files that a server is started with.
import assert from "node:assert/strict";
import { WireError } from "@tailrace/engine/wire";
import { parseInitFile } from "../../../packages/cli/src/init-file.ts";
import { resolveStreamConfig } from "../../../packages/engine/src/config.ts";
import type { ApiRequest } from "../../../packages/server/src/api-request.ts";
import {
  basinConfig,
  basinConfigPatch,
  partialStreamConfig,
  streamConfigJson,
  streamConfigPatch,
} from "../../../packages/server/src/config-json.ts";
import { ApiError } from "../../../packages/server/src/errors.ts";
import { readOptions } from "../../../packages/server/src/handlers/read-options.ts";
import { parseJson } from "../../../packages/server/src/json-shape.ts";
import { acceptedCompression } from "../../../packages/server/src/media.ts";
import { listOptions } from "../../../packages/server/src/names.ts";
import { Query } from "../../../packages/server/src/query.ts";
import { type Frame, FrameDecoder, frameHeader, MAX_FRAME_BYTES } from "../../../packages/server/src/s2s/frame.ts";
import { eventId, resumed } from "../../../packages/server/src/sse/resume.ts";
import { refusable, type Target } from "../target.ts";

const refusedAs =
  (...codes: string[]) =>
  (error: unknown) =>
    error instanceof ApiError && codes.includes(error.code);

/** The frames in an input that arrives in pieces of the given size, and whether it ended as a refusal. */
function framesOf(input: Uint8Array, pieceBytes: number): { frames: Frame[]; refused: boolean } {
  const decoder = new FrameDecoder();
  const frames: Frame[] = [];
  const whole = refusable(
    () => {
      for (let at = 0; at < input.length; at += pieceBytes)
        for (const frame of decoder.push(input.subarray(at, at + pieceBytes))) frames.push(frame);
      decoder.finish();
      return true;
    },
    (error) => error instanceof WireError && error.code === "bad_frame",
  );
  return { frames, refused: whole === undefined };
}

/** A request of which only the query is looked at. */
function requestWith(query: Query): ApiRequest {
  // The functions under test look at nothing else.
  return { query } as unknown as ApiRequest;
}

export const requestTargets: readonly Target[] = [
  {
    name: "s2s-frames",
    run(input) {
      const whole = framesOf(input, Math.max(1, input.length));
      for (const pieceBytes of [1, 3, 7]) assert.deepEqual(framesOf(input, pieceBytes), whole);
      let at = 0;
      for (const frame of whole.frames) {
        assert.ok(frame.body.length < MAX_FRAME_BYTES);
        const header = frameHeader(frame.body.length, frame.compression, input[at + 3] & 0x9f);
        assert.deepEqual(
          Buffer.concat([header, frame.body]),
          Buffer.from(input.subarray(at, at + 4 + frame.body.length)),
        );
        at += 4 + frame.body.length;
      }
      if (!whole.refused) assert.equal(at, input.length);
    },
  },
  {
    name: "query",
    run(input) {
      const request = requestWith(new Query(Buffer.from(input).toString()));
      refusable(() => readOptions(request, "session"), refusedAs("bad_query", "invalid"));
      refusable(() => readOptions(request, "unary"), refusedAs("bad_query", "invalid"));
      const options = refusable(() => listOptions(request), refusedAs("bad_query"));
      if (options !== undefined) assert.ok(options.limit >= 1 && options.limit <= 1000);
    },
  },
  {
    name: "event-id",
    run(input) {
      const query = requestWith(new Query("seq_num=0&count=10&bytes=1000"));
      const text = Buffer.from(input).toString("latin1");
      const read = refusable(() => resumed(readOptions(query, "session"), text), refusedAs("bad_header"));
      if (read === undefined || text.trim() === "") return;
      const { options, delivered } = read;
      assert.ok(options.start.kind === "seq_num");
      const again = resumed(readOptions(query, "session"), eventId(options.start.seqNum - 1, delivered));
      assert.deepEqual(again, read);
      assert.ok((options.count ?? 0) >= 0 && (options.count ?? 0) <= 10);
    },
  },
  {
    name: "config",
    run(input) {
      const refused = refusedAs("bad_json", "invalid", "not_implemented");
      const value = refusable(() => ({ json: parseJson(input) }), refused);
      if (value === undefined) return;
      for (const read of [basinConfig, basinConfigPatch, streamConfigPatch]) refusable(() => read(value.json), refused);
      const config = refusable(() => resolveStreamConfig(partialStreamConfig(value.json)), refused);
      if (config === undefined) return;
      const back = resolveStreamConfig(partialStreamConfig(JSON.parse(JSON.stringify(streamConfigJson(config)))));
      assert.deepEqual(back, config);
    },
  },
  {
    name: "accept-encoding",
    run(input) {
      const accepted = acceptedCompression(Buffer.from(input).toString("latin1"));
      assert.ok(accepted === undefined || accepted === "zstd" || accepted === "gzip");
    },
  },
  {
    name: "init-file",
    run(input) {
      const value = refusable(
        () => ({ json: JSON.parse(Buffer.from(input).toString()) }),
        (error) => error instanceof SyntaxError,
      );
      if (value === undefined) return;
      // A sentence for whoever wrote the file; anything else that is thrown is a slip of ours.
      refusable(
        () => parseInitFile(value.json),
        (error) => error instanceof Error && error.constructor === Error && error.message !== "",
      );
    },
  },
];
