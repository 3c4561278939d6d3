// The ports of `tailrace kv serve`: Redis's, and HTTP's where it is asked for; with their secrets, and refusals to serve without.
import { readFile } from "node:fs/promises";
import { HttpServer, RespServer, type Store } from "@tailrace/kv";
import type { Logger } from "pino";
import { ExitCode, ExitError } from "../exit-codes.ts";
import { isLoopback } from "../serve.ts";
import { tlsFiles } from "../tls.ts";
import { VERSION } from "../version.ts";
import type { KvServeOptions } from "./kv-command.ts";

export class Ports {
  readonly #redis: RespServer;
  readonly #http: HttpServer | undefined;
  readonly #options: KvServeOptions;
  readonly #isTls: boolean;

  private constructor(redis: RespServer, http: HttpServer | undefined, options: KvServeOptions, isTls: boolean) {
    this.#redis = redis;
    this.#http = http;
    this.#options = options;
    this.#isTls = isTls;
  }

  /** `store`: undefined until it has caught up. Errors: ExitError (usage, listen). */
  static async open(options: KvServeOptions, store: () => Store | undefined, log: Logger): Promise<Ports> {
    const password = await secret(options.passwordFile, "password", "TAILRACE_KV_PASSWORD");
    const token = await secret(options.tokenFile, "token", "TAILRACE_KV_TOKEN");
    const { listen, insecureOpen = false } = options;
    if (!insecureOpen) {
      refuseOpen(options.redis.host, password, "password");
      if (listen !== undefined) refuseOpen(listen.host, token, "token");
    }
    const tls = await tlsFiles({ ...options, listen: options.redis });
    const redis = await listening(options.redis, (address) =>
      RespServer.listen({ ...address, tls, store, password, maxClients: options.maxClients, version: VERSION, log }),
    );
    try {
      const http =
        listen &&
        (await listening(listen, (address) =>
          HttpServer.listen({
            ...address,
            tls,
            store,
            redis,
            token,
            metricsAuth: options.metricsAuth,
            maxConnections: options.maxClients,
            log,
          }),
        ));
      return new Ports(redis, http, options, tls !== undefined);
    } catch (error) {
      await redis.close(0);
      throw error;
    }
  }

  /** The Redis port's first. */
  get urls(): readonly string[] {
    const { redis, listen } = this.#options;
    const urls = [urlOf(this.#isTls ? "rediss" : "redis", redis.host, this.#redis.port)];
    if (listen !== undefined && this.#http !== undefined) {
      urls.push(urlOf(this.#isTls ? "https" : "http", listen.host, this.#http.port));
    }
    return urls;
  }

  /** As each of them does. */
  async close(graceMs: number): Promise<void> {
    await Promise.all([this.#redis.close(graceMs), this.#http?.close(graceMs)]);
  }
}

function urlOf(scheme: string, host: string, port: number): string {
  return `${scheme}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function refuseOpen(host: string, given: string | undefined, what: "password" | "token"): void {
  if (given !== undefined || isLoopback(host)) return;
  throw new ExitError(
    ExitCode.usage,
    `refusing to listen on ${host} while no ${what} is asked for: give --${what}-file or TAILRACE_KV_${what.toUpperCase()}, or --insecure-open if that is meant`,
  );
}

/** From its file or the environment; undefined where neither is given. Errors: ExitError (usage). */
async function secret(path: string | undefined, what: string, variable: string): Promise<string | undefined> {
  if (path === undefined) {
    const given = process.env[variable]?.trim();
    return given === "" ? undefined : given;
  }
  let given: string;
  try {
    given = (await readFile(path, "utf8")).trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ExitError(ExitCode.usage, `the ${what} file ${path} cannot be read: ${why}`);
  }
  if (given === "") throw new ExitError(ExitCode.usage, `the ${what} file ${path} is empty`);
  return given;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

async function listening<T>(address: Address, listen: (address: Address) => Promise<T>): Promise<T> {
  try {
    return await listen(address);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    const why = code === "EADDRINUSE" ? "the port is in use" : error instanceof Error ? error.message : String(error);
    throw new ExitError(ExitCode.listen, `cannot listen on ${address.host}:${address.port}: ${why}`);
  }
}
