// What the engine offers for access tokens: proposes commands to the account, answers from its state, and tells of revocations.
// Keeps no state of its own but who is to be told.
import type { AccessTokensApi, ListOptions, Page } from "../engine-api.ts";
import { EngineError } from "../errors.ts";
import type { Clock } from "../runtime/index.ts";
import { type AccessToken, isExpired } from "./access-tokens.ts";
import type { AccountOutcome } from "./account.ts";
import type { OpenedAccount } from "./account-log.ts";

export class AccessTokenService implements AccessTokensApi {
  readonly #clock: Clock;
  readonly #open: () => OpenedAccount;
  readonly #listeners: ((token: AccessToken) => void)[] = [];

  /** `open` throws an EngineError while the engine cannot answer. */
  constructor(clock: Clock, open: () => OpenedAccount) {
    this.#clock = clock;
    this.#open = open;
  }

  async issue(token: AccessToken, issuerKey: string | null): Promise<void> {
    const outcome = await this.#open().account.propose({ kind: "issue-token", token, issuerKey });
    if (outcome.kind === "exists") {
      throw new EngineError("resource_already_exists", `access token "${token.id}" already exists`);
    }
    if (outcome.kind !== "issued") {
      throw new EngineError("permission_denied", "the access token of this request is not valid any more");
    }
  }

  async revoke(id: string): Promise<void> {
    const atMs = this.#clock.wallMs();
    const outcome = await this.#open().account.propose({ kind: "revoke-token", id, atMs });
    if (outcome.kind !== "revoked") {
      throw new EngineError("access_token_not_found", `access token "${id}" does not exist`);
    }
  }

  async list(options: ListOptions): Promise<Page<AccessToken>> {
    const { account, shard } = this.#open();
    await shard.ensureLease();
    const nowMs = this.#clock.wallMs();
    return account.state.accessTokens.tree.list(options, (token) => (isExpired(token, nowMs) ? undefined : token));
  }

  find(key: string): AccessToken | undefined {
    return this.#open().account.state.accessTokens.find(key);
  }

  async assertCurrent(): Promise<void> {
    await this.#open().shard.ensureLease();
  }

  onRevoked(callback: (token: AccessToken) => void): void {
    this.#listeners.push(callback);
  }

  /** A command has been applied to the account. */
  applied(outcome: AccountOutcome): void {
    if (outcome.kind !== "revoked") return;
    for (const listener of this.#listeners) listener(outcome.token);
  }
}
