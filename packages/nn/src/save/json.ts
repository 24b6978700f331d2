/**
 * Whether a JSON text (one that `JSON.parse` takes) has an object with the same key twice, or a key `__proto__`. `JSON.parse`
 * keeps the last of equal keys, so what a reader checks need not be what another reads.
 */
export function hasDoubtfulKeys(text: string): boolean {
  // The keys of each object that is open; null for arrays.
  const open: (Set<string> | null)[] = [];
  let i = 0;
  while (i < text.length) {
    const c = text.charCodeAt(i);
    if (c === OPEN_OBJECT) open.push(new Set());
    else if (c === OPEN_ARRAY) open.push(null);
    else if (c === CLOSE_OBJECT || c === CLOSE_ARRAY) open.pop();
    else if (c === QUOTE) {
      const end = closing(text, i);
      let after = end + 1;
      while (isSpace(text.charCodeAt(after))) after++;
      const keys = open[open.length - 1];
      if (text.charCodeAt(after) === COLON && keys) {
        const key = JSON.parse(text.slice(i, end + 1)) as string;
        if (keys.has(key) || key === '__proto__') return true;
        keys.add(key);
      }
      i = end;
    }
    i++;
  }
  return false;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** The position of the quote that ends the string at `start`. */
function closing(text: string, start: number): number {
  let i = start + 1;
  while (i < text.length && text.charCodeAt(i) !== QUOTE) i += text.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i;
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}
