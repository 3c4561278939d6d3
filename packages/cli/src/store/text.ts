// How the store's commands write numbers and words.

export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${plural(count, noun)}`;
}

export function bytesOf(objects: readonly { readonly bytes: number }[]): number {
  return objects.reduce((sum, { bytes }) => sum + bytes, 0);
}
