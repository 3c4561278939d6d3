// The real process over the file store, killed, frozen, cut off, its disk filled up.
import { faultRounds } from "../support/fault-rounds.ts";
import { fileWorld } from "../support/world.ts";

faultRounds(fileWorld);
