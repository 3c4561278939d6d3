// The public face of the runtime: the interface, the system's implementation, the virtual one for tests.
export {
  AEAD_CIPHERS,
  AEAD_KEY_BYTES,
  type AeadCipher,
  type AeadJob,
  type AeadOpened,
  deriveKey,
  loadAegis,
} from "./aead.ts";
export * from "./branches.ts";
export * from "./runtime.ts";
export { systemRuntime } from "./system.ts";
export { VirtualRuntime, type VirtualRuntimeOptions } from "./virtual.ts";
