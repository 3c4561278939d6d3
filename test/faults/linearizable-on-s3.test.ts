// Real processes over a real S3 server, killed, frozen, cut off, taken over from, with a store that fails in every way.
import { describe } from "node:test";
import { faultRounds } from "../support/fault-rounds.ts";
import { findVersitygw, VERSITYGW_MISSING } from "../support/versitygw.ts";
import { s3World } from "../support/world.ts";

describe("on S3", { skip: (await findVersitygw()) === undefined ? VERSITYGW_MISSING : false }, () =>
  faultRounds(s3World),
);
