// The audit: one structured line for each change of the control plane and each refusal. Names who, what and how it ended, never a secret.
import type { ApiRequest } from "../api-request.ts";
import { errorCode, errorReply } from "../errors.ts";
import { isControlPlaneChange } from "./operations.ts";

export interface AuditLogger {
  info(fields: object, message: string): void;
}

/** What of a request is known when it is audited; `access` and `resource` only once it got so far. */
export type AuditedRequest = Pick<ApiRequest, "method" | "operation"> &
  Partial<Pick<ApiRequest, "access" | "resource">>;

export class Audit {
  readonly #logger: AuditLogger;

  constructor(logger: AuditLogger) {
    this.#logger = logger;
  }

  /** A request was carried out; `result` is what came of it. Anything but a change is passed over. */
  carriedOut(request: AuditedRequest, status: number, result: string): void {
    if (isControlPlaneChange(request.operation)) this.#write(request, status, result);
  }

  /** A request failed, or its session did. Passed over unless it was to change something, or was refused for who asked. */
  failed(request: AuditedRequest, error: unknown): void {
    const code = errorCode(error);
    const refused = code === "authn" || code === "permission_denied";
    if (refused || isControlPlaneChange(request.operation)) this.#write(request, errorReply(error).status, code);
  }

  #write(request: AuditedRequest, status: number, result: string): void {
    const { access, operation, method, resource } = request;
    this.#logger.info(
      { audit: { who: access?.who ?? null, operation, method, resource: resource ?? null, status, result } },
      "audit",
    );
  }
}
