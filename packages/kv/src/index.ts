// The public surface of the package.
export { Store, type StoreOptions, type Transaction } from "./store/store.ts";
