import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { decodeUtf8, encodeUtf8 } from './utf8.ts';

afterEach(() => vi.unstubAllGlobals());

describe.each(['with', 'without'] as const)('%s TextEncoder', (how) => {
  const { TextEncoder, TextDecoder } = globalThis;
  const as = <T>(run: () => T): T => {
    if (how === 'without') {
      vi.stubGlobal('TextEncoder', undefined);
      vi.stubGlobal('TextDecoder', undefined);
    }
    try {
      return run();
    } finally {
      vi.unstubAllGlobals();
    }
  };

  it('text becomes the bytes that TextEncoder makes, and comes back', () => {
    const texts = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('', '\ud800', '\ufeffx'),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const want = new TextEncoder().encode(text);
        expect([...as(() => encodeUtf8(text))]).toEqual([...want]);
        expect(as(() => decodeUtf8(want))).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(want));
      }),
    );
  });

  it('bytes that are no text give none', () => {
    const strict = (bytes: Uint8Array): string | null => {
      try {
        return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
      } catch {
        return null;
      }
    };
    const near = fc.array(
      fc.constantFrom(0x41, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xa0, 0xed, 0xef, 0xf0, 0x90, 0xf4, 0xf8, 0xff),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          near.map((bytes) => Uint8Array.from(bytes)),
        ),
        (bytes) => {
          expect(as(() => decodeUtf8(bytes))).toBe(strict(bytes));
        },
      ),
      { numRuns: 500 },
    );
  });
});
