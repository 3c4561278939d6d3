// What was measured of one server at one size of a sweep.
import type { Figures, Rounds } from "../report.ts";
import type { ServerName } from "../servers/server.ts";

export interface SweepPoint extends Partial<Rounds> {
  readonly sweep: string;
  readonly size: number;
  readonly server: ServerName;
  readonly figures: Figures;
}
