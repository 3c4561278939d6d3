// The end of a run, when nothing goes wrong any more: followers must be prompt, a deletion must last, and a witness reads everything.
// What it asks goes into the history like all else.

import type { Answer } from "./check/history.ts";
import type { Client } from "./clients/client.ts";
import { append, checkTail, deleteStream, getStream, read } from "./clients/operations.ts";
import { type ReadSessionEnd, readSession } from "./clients/read-session.ts";
import { SCRATCH_BASIN } from "./workload/admin.ts";
import type { Subject } from "./workload/subject.ts";
import type { World } from "./world/world.ts";

/** A follower has what was acknowledged, and knows of a deletion, within this. */
const PROMPT_MS = 1_000;
/** Until followers stand at the tail. */
const CATCHING_UP_MS = 500;
/** How late a record may vanish: the log's clock goes by seconds, ageing by steps of a second, and what fails is tried again after five. */
const AGEING_SLACK_MS = 12_000;
const FOLLOWERS = 2;
const APPENDS = 4;
const POLL_MS = 20;
const PAUSE_MS = 200;

export interface EpilogueOptions {
  readonly world: World;
  readonly subjects: readonly Subject[];
  readonly client: (name: string) => Client;
  /** Whether a basin may have so many streams and no more. */
  readonly streamsAreBounded: boolean;
  /** Whether nobody will answer any more. */
  readonly over: () => boolean;
}

export class Epilogue {
  readonly #options: EpilogueOptions;

  constructor(options: EpilogueOptions) {
    this.#options = options;
  }

  /** Whoever follows a stream sees at once what is appended to it, and that it is gone when it is. */
  async followers(): Promise<void> {
    const client = this.#options.client("prompter");
    const sessions: Promise<void>[] = [];
    for (const subject of this.#options.subjects)
      for (const follower of await this.#follow(client, subject)) sessions.push(follower.leave());
    await Promise.all(sessions);
  }

  /** Those who followed, and may leave. */
  async #follow(client: Client, subject: Subject): Promise<readonly Follower[]> {
    const { world } = this.#options;
    const tail = await this.#appended(client, subject);
    if (tail === undefined) return [];
    // Others may not know yet that they have been overtaken.
    const { site } = client;
    const { process } = site;
    const followers = Array.from(
      { length: FOLLOWERS },
      (_, i) => new Follower(client.at(site), subject, tail, i === 0),
    );
    await client.pause(CATCHING_UP_MS);
    for (let i = 0; i < APPENDS; i += 1) {
      const end = await this.#appended(client, subject);
      if (end === undefined || client.site !== site || site.process !== process) break;
      for (const follower of followers)
        if (!(await follower.within(PROMPT_MS, () => follower.next >= end)))
          world.violation(
            `a follower of ${subject.name} stands at ${follower.next}, ${PROMPT_MS} ms after ${end - 1} was acknowledged`,
          );
      await client.pause(client.chance.pick([0, 0, 10, 300]));
    }
    if (subject.mortal && client.chance.happens(0.5) && (await deleteStream(client, subject)).kind === "deleted") {
      for (const follower of followers)
        if (!(await follower.within(PROMPT_MS, () => follower.end !== undefined)))
          world.violation(`a follower of ${subject.name} goes on ${PROMPT_MS} ms after its deletion was acknowledged`);
        else if (follower.end?.why !== "gone" && client.site === site && site.process === process)
          world.violation(`a follower of ${subject.name} was not told of its deletion: ${follower.end?.why}`);
    }
    return followers;
  }

  /** The tail behind an append that was acknowledged; undefined where the stream, or its basin, is not there. */
  async #appended(client: Client, subject: Subject): Promise<number | undefined> {
    for (;;) {
      const answer = await append(client, subject, { records: [subject.large(client.name, 1)] });
      if (answer.kind === "appended") return answer.end.seqNum;
      if (answer.kind === "not-found" || answer.kind === "deletion-pending") return undefined;
      if (answer.kind === "refused" && this.#maybeForGood(subject)) return undefined;
      client.lookElsewhere();
      await client.pause(PAUSE_MS);
    }
  }

  /** Its basin may be gone, or have no room for a stream that is created when it is used. */
  #maybeForGood(subject: Subject): boolean {
    return subject.basin === SCRATCH_BASIN || (subject.createdOnAppend && this.#options.streamsAreBounded);
  }

  /** Deletes some of what may be deleted. Returns a moment after the last acknowledgement. */
  async deletions(): Promise<void> {
    const client = this.#options.client("undertaker");
    for (const subject of this.#options.subjects)
      if (subject.mortal && client.chance.happens(0.5)) await deleteStream(client, subject);
    await client.pause(client.chance.between(0, 50));
  }

  /** What has reached its age vanishes, whether anybody asks for it or not. */
  async ageing(): Promise<void> {
    const { world, subjects } = this.#options;
    const client = this.#options.client("mourner");
    const ageing = subjects.flatMap((subject) =>
      subject.ageing === undefined ? [] : [{ subject, ...subject.ageing }],
    );
    if (ageing.length === 0) return;
    await client.pause(
      AGEING_SLACK_MS + 1000 * Math.max(...ageing.map((each) => each.ageSecs + each.deleteOnEmptySecs)),
    );
    for (const { subject, deleteOnEmptySecs } of ageing) {
      const answer = await this.#answered(client, () =>
        read(client, subject, { start: { kind: "seq_num", seqNum: 0 }, clamp: true, waitSecs: 0 }),
      );
      const gone = answer.kind === "not-found" || answer.kind === "deletion-pending";
      const empty = answer.kind === "unwritten" || (answer.kind === "records" && answer.records.length === 0);
      if (deleteOnEmptySecs > 0 ? !gone : !empty)
        world.violation(`${subject.name} has reached its age, and answers: ${answer.kind}`);
    }
  }

  /** Asks until there is an answer that says something. */
  async #answered(client: Client, ask: () => Promise<Answer>): Promise<Answer> {
    for (;;) {
      const answer = await ask();
      if (answer.kind !== "unknown" && answer.kind !== "refused") return answer;
      client.lookElsewhere();
      await client.pause(PAUSE_MS);
    }
  }

  /** The last word: what lasts still takes appends, has its configuration, and every stream is read from its beginning to its tail. */
  async witness(): Promise<void> {
    const { over } = this.#options;
    const client = this.#options.client("witness");
    for (const subject of this.#options.subjects) {
      while (subject.lasts && !over()) {
        const { kind } = await append(client, subject, { records: [subject.large(client.name, 1)] });
        if (kind === "appended") break;
        await client.pause(PAUSE_MS);
      }
      while (!over()) {
        const end = await readSession(
          client,
          subject,
          { start: { kind: "seq_num", seqNum: 0 }, waitSecs: 0 },
          { form: "s2s", pauseMs: 0, leaves: () => false },
        );
        const tail = await checkTail(client, subject);
        if (end.why === "gone" || tail.kind === "not-found" || tail.kind === "deletion-pending") break;
        if (tail.kind === "refused" && this.#maybeForGood(subject)) break;
        if (tail.kind === "tail" && (end.why === "bound" || tail.tail.seqNum === 0)) break;
        await client.pause(PAUSE_MS);
      }
      await getStream(client, subject);
      if (!subject.createdOnAppend && !over()) await append(client, subject, subject.question(client.name));
    }
  }
}

/** A session that reads along with the tail. */
class Follower {
  /** The number of the next record it is to be given. */
  next: number;
  end: ReadSessionEnd | undefined;
  readonly #client: Client;
  #leaving = false;
  readonly #session: Promise<void>;

  constructor(client: Client, subject: Subject, tail: number, framed: boolean) {
    this.#client = client;
    this.next = tail;
    this.#session = readSession(
      client,
      subject,
      { start: { kind: "seq_num", seqNum: tail } },
      {
        form: framed ? "s2s" : "sse",
        pauseMs: 0,
        leaves: () => this.#leaving,
        onRecords: (next) => {
          this.next = next;
        },
      },
    ).then((end) => {
      this.end = end;
    });
  }

  /** Whether `done` comes true in time. */
  async within(ms: number, done: () => boolean): Promise<boolean> {
    for (let leftMs = ms; leftMs > 0 && !done(); leftMs -= POLL_MS) await this.#client.pause(POLL_MS);
    return done();
  }

  /** Resolves when the session is over: at the next heartbeat. */
  leave(): Promise<void> {
    this.#leaving = true;
    return this.#session;
  }
}
