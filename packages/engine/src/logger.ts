// What the engine needs of a structured logger (pino's shape). Owns no output of its own.

export interface EngineLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const SILENT_LOGGER: EngineLogger = { info() {}, warn() {}, error() {} };
