// The actor that issues access tokens, uses them, and revokes them: what is issued opens what it is for and nothing else, at once and after
// any restart; what is revoked, or has expired, opens nothing any more, wherever it is presented. Judged on the spot: histories know of
// streams alone.
import { issueToken, revokeToken, sendJson } from "../clients/access-tokens.ts";
import type { Client } from "../clients/client.ts";
import { recordsUrl } from "../clients/operations.ts";
import { MAX_WALL_ERROR_MS } from "../world/drift.ts";
import type { Site } from "../world/world.ts";
import { RepeatingActor, type Stage, WALL_EPOCH_MS } from "./actor.ts";
import type { Subject } from "./subject.ts";

const AUTHN = 401;
const DENIED = 403;
const PAUSE_MS = 200;
/** What a token permits with its stream. */
const RIGHTS = { read: true, write: false };
/** How long tokens last that do not last for ever. */
const LIVES_MS = [3_000, 15_000, 60_000];

interface Token {
  readonly id: string;
  readonly bearer: string;
  /** The stream that it may read. */
  readonly subject: Subject;
  /** By the wall clock of whoever is asked; infinite for one that lasts. */
  readonly expiresAtMs: number;
  /** `unsure`: nobody was told whether it is revoked. */
  state: "live" | "unsure" | "revoked";
}

export class Gatekeeper extends RepeatingActor {
  readonly #tokens: Token[] = [];
  readonly #ways: readonly Client[];
  #issued = 0;

  constructor(client: Client, stage: Stage) {
    super(client, stage);
    this.#ways = client.world.sites.map((site) => client.at(site));
  }

  protected async act(): Promise<void> {
    const { client } = this;
    const { chance, world } = client;
    // Whoever was started last has the last word, once it speaks.
    if (world.newest !== undefined) client.goTo(world.newest);
    const kind = chance.between(1, 10);
    const token = this.#tokens.length === 0 ? undefined : chance.pick(this.#tokens);
    if (token === undefined || kind <= 3) await this.#issue();
    else if (kind <= 6) await this.#use(client, token);
    else if (kind <= 8) await this.#useEverywhere(token);
    else await this.#revoke(token);
  }

  async #issue(): Promise<void> {
    const { client } = this;
    const { chance, world } = client;
    const [subject] = this.stage.subjects;
    this.#issued += 1;
    const id = `${client.name}-${this.#issued}`;
    this.doing = `issuing ${id}`;
    const expiresInMs = chance.happens(0.4) ? Math.round(world.scheduler.nowMs) + chance.pick(LIVES_MS) : undefined;
    const expiresAt = expiresInMs === undefined ? undefined : timeOf(expiresInMs);
    const expiresAtMs = expiresInMs === undefined ? Number.POSITIVE_INFINITY : Number(WALL_EPOCH_MS) + expiresInMs;
    const bearer = await issueToken(client, id, subject, RIGHTS, expiresAt);
    if (bearer === undefined) return;
    const token: Token = { id, bearer, subject, expiresAtMs, state: "live" };
    this.#tokens.push(token);
    await this.#useEverywhere(token);
  }

  async #revoke(token: Token): Promise<void> {
    this.doing = `revoking ${token.id}`;
    if (token.state === "live") token.state = "unsure";
    if (!(await revokeToken(this.client, token.id))) return;
    token.state = "revoked";
    await this.#useEverywhere(token);
  }

  /** Also where somebody else has taken over from, and nobody knows it. */
  async #useEverywhere(token: Token): Promise<void> {
    await Promise.all(
      this.client.world.sites.map(async (site, i) => {
        if (site.process === undefined || site.process.over) return;
        this.#ways[i].goTo(site);
        await this.#use(this.#ways[i], token);
      }),
    );
  }

  /** Presents a token where it opens something, or where it does not. False when there was no answer. */
  async #use(client: Client, { id, bearer, subject, state, expiresAtMs }: Token): Promise<boolean> {
    this.doing = `using ${id}`;
    const { world, site } = client;
    const before = clockOf(site);
    const headers = { authorization: `Bearer ${bearer}`, "s2-basin": subject.basin };
    if (client.chance.happens(0.2)) {
      const reply = await sendJson(client, "POST", recordsUrl(subject), headers, { records: [{ body: "forbidden" }] });
      if (typeof reply === "string") return false;
      if (reply.status < 300) world.violation(`${id} may read, and has written`);
      return reply.status < 500;
    }
    const reply = await sendJson(client, "GET", `${recordsUrl(subject)}/tail`, headers, undefined);
    if (typeof reply === "string") return false;
    const after = clockOf(site);
    // Whoever has forgotten a token by a clock that is ahead does not remember it.
    const lasts =
      expiresAtMs === Number.POSITIVE_INFINITY ||
      (!world.clocksJumped && after.wallMs + 2 * MAX_WALL_ERROR_MS < expiresAtMs);
    if (state === "live" && lasts && (reply.status === AUTHN || reply.status === DENIED))
      world.violation(`${id} is issued, and was refused with ${reply.status}`);
    if (state === "revoked" && reply.status < 300) world.violation(`${id} is revoked, and was let in`);
    // The same process, by the same clock: it had expired before it was asked.
    const expired =
      before.process === after.process && before.offsetMs === after.offsetMs && before.wallMs >= expiresAtMs;
    if (expired && reply.status < 300) world.violation(`${id} has expired, and was let in`);
    return reply.status < 500;
  }

  /** In the end every token is what it was said to be. */
  async lastWord(): Promise<void> {
    const { client } = this;
    for (const token of this.#tokens)
      while (!(await this.#use(client, token))) {
        client.lookElsewhere();
        await client.pause(PAUSE_MS);
      }
  }
}

/** The time so long after the simulated wall clocks' start, within its first day. */
function timeOf(ms: number): string {
  const [hours, minutes, seconds] = [ms / 3_600_000, (ms / 60_000) % 60, (ms / 1_000) % 60].map((part) =>
    String(Math.floor(part)).padStart(2, "0"),
  );
  return `2026-01-01T${hours}:${minutes}:${seconds}.${String(ms % 1_000).padStart(3, "0")}Z`;
}

/** What whoever is asked at a site takes the time for. */
function clockOf({ process }: Site) {
  const runtime = process?.runtime;
  return { process, offsetMs: runtime?.wallOffsetMs, wallMs: runtime?.clock.wallMs() ?? Number.NaN };
}
