// One client: its commands in, and what answers them. Decides what of a pipeline may be under way at once, so that a client
// sees its own commands take effect one after the other: writes go together into the log, reads together wait for it, and a read
// behind a write that is not answered yet goes into the log behind it.
import type { Socket } from "node:net";
import { CommandError } from "../command/errors.ts";
import { error, isError, type Reply } from "../command/reply.ts";
import type { Arguments, CommandSpec } from "../command/spec.ts";
import { commandNamed, hasFlag } from "../command/table.ts";
import { failureReply } from "../store/failures.ts";
import type { Subscriber } from "../store/pubsub.ts";
import type { Store } from "../store/store.ts";
import { type Client, type LocalCommand, Several, type Shared } from "./context.ts";
import { KEEP_ALIVE_MS, LINGER_MS, MAX_PENDING_COMMANDS, MAX_UNTAKEN_BYTES } from "./limits.ts";
import { ProtocolError, type Request, RequestParser } from "./parser.ts";
import { dropSubscriptions, pushedMessage } from "./pubsub.ts";
import * as refusals from "./refusals.ts";
import { Replies, type Slot } from "./replies.ts";
import type { Session } from "./session.ts";
import { queue } from "./transactions.ts";

/** What is under way. Others of the kind may join it; what is of another kind waits. */
type Phase = "idle" | "reading" | "writing" | "alone";

export class Connection implements Client, Subscriber {
  readonly session: Session;
  readonly #socket: Socket;
  readonly #shared: Shared;
  readonly #parser = new RequestParser();
  readonly #ended: () => void;
  /** Whole, and not begun. */
  #waiting: Request[] = [];
  readonly #replies: Replies;
  #phase: Phase = "idle";
  #underWay = 0;
  /** Of the replies to what is under way. */
  #expectedBytes = 0;
  /** Reads are begun together or one after the other. */
  #joinable = false;
  /** No more commands are begun; when all that were are answered it is over. */
  #ending = false;
  /** The client sends nothing more. */
  #over = false;
  #closed = false;
  #linger: NodeJS.Timeout | undefined;
  #unblock: ((withError: boolean) => void) | undefined;

  /** `ended` is called once, when the connection is gone. */
  constructor(socket: Socket, session: Session, shared: Shared, ended: () => void) {
    this.#socket = socket;
    this.session = session;
    this.#shared = shared;
    this.#ended = ended;
    this.#replies = new Replies(socket, session, shared, () => this.#flushed());
    this.#parser.authenticated = session.authenticated;
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    socket.on("drain", () => this.#proceed());
    socket.on("end", () => this.#inputOver());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#close());
  }

  /** What it sent is still answered, but nothing is waited for. */
  #inputOver(): void {
    this.#over = true;
    this.#unblock?.(false);
    this.#proceed();
    this.#replies.flushSoon();
  }

  end(): void {
    this.#ending = true;
    this.#waiting = [];
    this.#unblock?.(false);
    this.#replies.flushSoon();
  }

  unblock(withError: boolean): boolean {
    const unblock = this.#unblock;
    unblock?.(withError);
    return unblock !== undefined;
  }

  message(channel: string, message: string, pattern: string | undefined): void {
    if (!this.#replies.push(pushedMessage(channel, message, pattern))) this.#drop();
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#replies.close();
    clearTimeout(this.#linger);
    this.#ending = true;
    this.#waiting = [];
    this.#unblock?.(false);
    const store = this.#shared.options.store();
    if (store !== undefined) dropSubscriptions(this.session, store, this);
    this.#ended();
  }

  #take(chunk: Buffer): void {
    this.#shared.stats.bytesIn += chunk.length;
    this.session.activeMs = Date.now();
    try {
      this.#parser.push(chunk, (request) => {
        if (!this.#ending) this.#waiting.push(request);
      });
    } catch (cause) {
      if (!(cause instanceof ProtocolError)) throw cause;
      this.#proceed();
      this.#replies.answer(this.#replies.slot(), error(`ERR Protocol error: ${cause.message}`));
      this.#ending = true;
    }
    this.#proceed();
    if (this.#waiting.length + this.#replies.due > MAX_PENDING_COMMANDS) this.#socket.pause();
  }

  /** Begins what may begin. */
  #proceed(): void {
    // Reads that begin in this very call share a barrier with none that began before.
    this.#joinable = this.#phase !== "reading";
    let begun = 0;
    while (begun < this.#waiting.length && !this.#ending && this.#replies.hasRoom) {
      if (!this.#begin(this.#waiting[begun])) break;
      begun += 1;
    }
    if (begun > 0) this.#waiting.splice(0, begun);
    if (this.#waiting.length + this.#replies.due <= MAX_PENDING_COMMANDS / 2 && this.#socket.isPaused()) {
      this.#socket.resume();
    }
  }

  /** Whether it was begun: if not, it has to wait for what is under way. */
  #begin(request: Request): boolean {
    if (this.#phase === "alone") return false;
    const { args } = request;
    const name = args[0].toLowerCase();
    const local = this.#shared.localCommands.get(name);
    const spec = local === undefined ? commandNamed(name) : undefined;
    const refusal = this.#refusal(request, local, spec);
    if (refusal !== undefined) {
      this.#answered(refusal);
      return true;
    }
    this.#shared.stats.commands += 1;
    this.session.lastCommand = name;
    const store = this.#shared.options.store();
    if (local !== undefined) return this.#beginLocal(local, args, store);
    // Neither would have come through `#refusal`.
    if (spec === undefined || store === undefined) return true;
    if (this.session.queued !== undefined) {
      this.#answered(queue(this.session, store, spec, args));
      return true;
    }
    return this.#beginCommand(spec, args, store);
  }

  #refusal(request: Request, local: LocalCommand | undefined, spec: CommandSpec | undefined): Reply | undefined {
    const { session } = this;
    const refused = refusals.refusal(session, request, local, spec, this.#shared.options.store() !== undefined);
    if (refused === undefined) return undefined;
    if (session.queued !== undefined && isError(refused)) session.queued.broken = true;
    if (refused === refusals.NOT_A_CLIENT) {
      this.#shared.options.log.warn({ client: session.address }, "a browser was made to speak to the Redis port");
      this.#socket.destroy();
    }
    return refused;
  }

  #beginLocal(local: LocalCommand, args: Arguments, store: Store | undefined): boolean {
    // What it does must come behind what is under way: a WATCH or an EXEC, and what a client asks about itself.
    if (this.#underWay > 0) return false;
    const { session } = this;
    if (session.queued !== undefined && store !== undefined && local.control !== true) {
      this.#answered(queue(session, store, local, args));
      return true;
    }
    const context = { session, shared: this.#shared, client: this, subscriber: this };
    const slot = this.#replies.slot();
    try {
      // Commands that do without a store never look at it.
      const reply = local.run({ ...context, store: store as Store }, args);
      this.#parser.authenticated = session.authenticated;
      if (reply instanceof Promise) this.#settle("alone", slot, reply);
      else if (reply instanceof Several) {
        this.#replies.answerAll(slot, reply.replies);
      } else this.#replies.answer(slot, reply);
    } catch (cause) {
      if (!(cause instanceof CommandError)) throw cause;
      this.#replies.answer(slot, error(cause.text));
    }
    return true;
  }

  #beginCommand(spec: CommandSpec, args: Arguments, store: Store): boolean {
    const refused = store.refusal(spec, args);
    if (refused !== undefined) {
      this.#answered(refused);
      return true;
    }
    if (spec.waitMs !== undefined) return this.#beginBlocking(spec, args, store);
    // Others wait until these are answered, and it is known whether the client takes what it is given.
    const expectedBytes = store.expectedBytes(spec, args);
    if (this.#underWay > 0 && this.#expectedBytes + expectedBytes > MAX_UNTAKEN_BYTES) return false;
    const reads = !hasFlag(spec, "write");
    if (reads && this.session.eventual && this.#phase === "idle") {
      this.#answered(this.#readNow(args, store));
      return true;
    }
    if (this.#phase === "reading" && (!reads || !this.#joinable)) return false;
    this.#expectedBytes += expectedBytes;
    if (reads && this.#phase !== "writing") {
      const consistency = this.session.eventual ? "eventual" : "strong";
      this.#settle("reading", this.#replies.slot(), store.run([args], consistency).then(first));
      return true;
    }
    this.#settle(
      "writing",
      this.#replies.slot(),
      store.write({ commands: [args] }).then((done) => first(done?.replies ?? [])),
    );
    return true;
  }

  #readNow(args: Arguments, store: Store): Reply {
    try {
      return store.runNow(args);
    } catch (cause) {
      return this.#failure(cause);
    }
  }

  #beginBlocking(spec: CommandSpec, args: Arguments, store: Store): boolean {
    if (this.#underWay > 0) return false;
    const slot = this.#replies.slot();
    try {
      const wait = store.blocking.wait(spec, args);
      this.#unblock = wait.end;
      this.#shared.stats.blocked += 1;
      const reply = wait.reply.finally(() => {
        this.#unblock = undefined;
        this.#shared.stats.blocked -= 1;
      });
      this.#settle("alone", slot, reply);
    } catch (cause) {
      if (!(cause instanceof CommandError)) throw cause;
      this.#replies.answer(slot, error(cause.text));
    }
    return true;
  }

  #settle(phase: Phase, slot: Slot, reply: Promise<Reply>): void {
    this.#phase = phase;
    this.#underWay += 1;
    reply.then(
      (value) => this.#settled(slot, value),
      (cause: unknown) => this.#settled(slot, this.#failure(cause)),
    );
  }

  #settled(slot: Slot, reply: Reply): void {
    this.#underWay -= 1;
    if (this.#underWay === 0) {
      this.#phase = "idle";
      this.#expectedBytes = 0;
    }
    this.#replies.answer(slot, reply);
    if (this.#underWay === 0) this.#proceed();
  }

  #failure(cause: unknown): Reply {
    if (cause instanceof CommandError) return error(cause.text);
    const reply = failureReply(cause);
    if (reply !== undefined) return reply;
    this.#shared.options.log.error({ error: String(cause) }, "a command failed unexpectedly");
    return error("ERR internal error");
  }

  #answered(reply: Reply): void {
    this.#replies.answer(this.#replies.slot(), reply);
  }

  /** What was answered goes out; then it has a moment to close its end, too. */
  #letGo(): void {
    if (this.#linger !== undefined) return;
    this.#socket.end();
    this.#linger = setTimeout(() => this.#socket.destroy(), LINGER_MS);
  }

  #drop(): void {
    this.#shared.stats.slowClients += 1;
    this.#shared.options.log.warn({ client: this.session.address }, "a client that takes nothing is dropped");
    this.#socket.destroy();
    this.#close();
  }

  /** What was due has gone out. */
  #flushed(): void {
    if (this.#waiting.length > 0) this.#proceed();
    const isOver = this.#ending || (this.#over && this.#waiting.length === 0);
    if (isOver && this.#replies.isEmpty) this.#letGo();
  }
}

function first(replies: readonly Reply[]): Reply {
  return replies[0];
}
