// How the store's commands write numbers and words.

export function plural(count: number, noun: string): string {
  return count === 1 ? noun : `${noun}s`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${plural(count, noun)}`;
}
