// All that can happen, by who does it.
import type { Rule } from "../model.ts";
import { crash } from "./end.ts";
import { flush } from "./flush.ts";
import { lease } from "./lease.ts";
import { loss } from "./loss.ts";
import { network } from "./network.ts";
import { orphans } from "./orphans.ts";
import { owner } from "./owner.ts";
import { taker } from "./taker.ts";
import { time } from "./time.ts";

export const RULES: readonly Rule[] = [owner, lease, taker, flush, orphans, network, time, crash, loss];
