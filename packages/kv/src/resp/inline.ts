// Inline commands: a line of words as a person types them, with quotes and escapes as redis-cli knows them.

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

/** The words of a line; undefined where a quote is not closed, or something follows a closing one at once. */
export function splitInline(line: string): string[] | undefined {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && isSpace(line[at])) at += 1;
    if (at >= line.length) return words;
    let word = "";
    while (at < line.length && !isSpace(line[at])) {
      const quote = line[at];
      if (quote !== '"' && quote !== "'") {
        word += quote;
        at += 1;
        continue;
      }
      const quoted = quote === '"' ? doubleQuoted(line, at + 1) : singleQuoted(line, at + 1);
      if (quoted === undefined || (quoted.end < line.length && !isSpace(line[quoted.end]))) return undefined;
      word += quoted.text;
      at = quoted.end;
    }
    words.push(word);
  }
}

function isSpace(character: string): boolean {
  return " \t\n\r\v\f".includes(character);
}

interface Quoted {
  readonly text: string;
  /** Behind the closing quote. */
  readonly end: number;
}

function doubleQuoted(line: string, from: number): Quoted | undefined {
  let text = "";
  for (let at = from; at < line.length; at += 1) {
    const character = line[at];
    if (character === '"') return { text, end: at + 1 };
    if (character !== "\\" || at + 1 >= line.length) {
      text += character;
      continue;
    }
    const hex = /^\\x([0-9a-fA-F]{2})/.exec(line.slice(at, at + 4));
    if (hex !== null) {
      text += String.fromCharCode(Number.parseInt(hex[1], 16));
      at += 3;
    } else {
      at += 1;
      text += ESCAPES[line[at]] ?? line[at];
    }
  }
  return undefined;
}

function singleQuoted(line: string, from: number): Quoted | undefined {
  let text = "";
  for (let at = from; at < line.length; at += 1) {
    if (line[at] === "'") return { text, end: at + 1 };
    if (line[at] === "\\" && line[at + 1] === "'") at += 1;
    text += line[at];
  }
  return undefined;
}
