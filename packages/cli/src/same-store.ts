// Whether two URLs name one store.
import { resolve } from "node:path";

export function sameStore(one: string, other: string): boolean {
  return normalized(one) === normalized(other);
}

function normalized(url: string): string {
  if (!url.startsWith("file:")) return url.replace(/\/+$/, "");
  const path = url.slice("file:".length);
  return `file:${resolve(path.startsWith("///") ? path.slice(2) : path)}`;
}
