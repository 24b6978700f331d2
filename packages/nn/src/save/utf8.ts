/** Text as UTF-8. Jest's jsdom has no TextEncoder, so this does without where there is none. */
export function encodeUtf8(text: string): Uint8Array {
  if (typeof TextEncoder !== 'undefined') return new TextEncoder().encode(text);
  const bytes: number[] = [];
  for (const character of text) {
    let code = character.codePointAt(0) as number;
    // Half of a pair stands for nothing.
    if (code >= 0xd800 && code <= 0xdfff) code = 0xfffd;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), next(code));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), next(code >> 6), next(code));
    else bytes.push(0xf0 | (code >> 18), next(code >> 12), next(code >> 6), next(code));
  }
  return Uint8Array.from(bytes);
}

const next = (bits: number): number => 0x80 | (bits & 0x3f);

/** How many bytes follow a first one, the bits of its own that count, and the least code that needs so many. */
const FORMS = [
  { from: 0xc0, to: 0xe0, more: 1, least: 0x80 },
  { from: 0xe0, to: 0xf0, more: 2, least: 0x800 },
  { from: 0xf0, to: 0xf8, more: 3, least: 0x10000 },
] as const;

/** The text that UTF-8 bytes are; null if they are none. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  if (typeof TextDecoder !== 'undefined') {
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return null;
    }
  }
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i++] as number;
    if (first < 0x80) {
      text += String.fromCharCode(first);
      continue;
    }
    const form = FORMS.find(({ from, to }) => first >= from && first < to);
    if (form === undefined) return null;
    let code = first - form.from;
    for (let k = 0; k < form.more; k++) {
      const byte = bytes[i++];
      if (byte === undefined || byte >> 6 !== 2) return null;
      code = (code << 6) | (byte & 0x3f);
    }
    if (code < form.least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return null;
    text += String.fromCodePoint(code);
  }
  return text;
}
