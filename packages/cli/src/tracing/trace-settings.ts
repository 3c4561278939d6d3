// Whether traces are wanted, and how they are to be sent: OpenTelemetry's standard variables, as far as they are not read by its own packages.
// Pure: loads nothing.
import { ExitCode, ExitError } from "../exit-codes.ts";

export type TraceExporter = "otlp" | "console";

export interface TraceSettings {
  readonly exporters: readonly TraceExporter[];
  readonly protocol: "http/protobuf" | "http/json";
  /** Whether requests go on with the trace that their client names. */
  readonly continues: boolean;
}

const ENDPOINTS = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
const PROTOCOLS = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];

/** Undefined: no traces. Where no exporter is named, an endpoint says that they are wanted. Errors: ExitError (usage). */
export function traceSettings(environment: NodeJS.ProcessEnv): TraceSettings | undefined {
  const value = (name: string): string | undefined => environment[name]?.trim() || undefined;
  if (value("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined;
  const hasEndpoint = ENDPOINTS.some((name) => value(name) !== undefined);
  const named = value("OTEL_TRACES_EXPORTER") ?? (hasEndpoint ? "otlp" : "none");
  const exporters = named.split(",").map((name) => name.trim());
  if (exporters.every((name) => name === "none")) return undefined;
  const protocolName = PROTOCOLS.find((name) => value(name) !== undefined) ?? PROTOCOLS[1];
  for (const name of ENDPOINTS) checkEndpoint(name, value(name));
  const propagators = value("OTEL_PROPAGATORS")?.split(",") ?? ["tracecontext"];
  return {
    exporters: exporters.map(exporterNamed),
    protocol: protocolNamed(protocolName, value(protocolName) ?? "http/protobuf"),
    continues: propagators.some((name) => name.trim() === "tracecontext"),
  };
}

function exporterNamed(name: string): TraceExporter {
  if (name === "otlp" || name === "console") return name;
  throw refused("OTEL_TRACES_EXPORTER", "otlp, console or none", name);
}

function protocolNamed(variable: string, name: string): TraceSettings["protocol"] {
  if (name === "http/protobuf" || name === "http/json") return name;
  throw refused(variable, "http/protobuf or http/json", name);
}

function checkEndpoint(variable: string, url: string | undefined): void {
  if (url === undefined || /^https?:$/.test(URL.parse(url)?.protocol ?? "")) return;
  throw refused(variable, "a URL, such as http://localhost:4318", url);
}

function refused(variable: string, expected: string, value: string): ExitError {
  return new ExitError(ExitCode.usage, `${variable} must be ${expected}, not "${value}"`);
}
