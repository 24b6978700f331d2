import {
  type Check,
  checkOptions,
  describeValue,
  list,
  optional,
  refuse,
  text,
  ValueError,
  whole,
} from '@latent/tensor';
import { Kind, type Part, partOf } from '../registry/registry.ts';

/** The token that ends every text. */
export const END = 0;
/** The token of a word that the vocabulary does not have. */
const UNKNOWN = 1;

/** From text to whole numbers and back: token 0 ends a text. */
export interface Tokenizer extends Part {
  /** How many tokens there are, the end among them. */
  readonly size: number;
  /** The tokens of a text, without its end; throws at what it has no token for. */
  encode(text: string): number[];
  /** The text of tokens, up to the first end, if there is one. */
  decode(tokens: ArrayLike<number>): string;
}

/** The tokenizers that models of text, and their files, may have. */
export const tokenizers: Kind<Tokenizer> = /* @__PURE__ */ new Kind<Tokenizer>(
  'tokenizer',
  (part) => `{ ${part} } from '@latent/nn'`,
);

/** The tokens before the end. */
function beforeEnd(tokens: ArrayLike<number>): number[] {
  const all = Array.from(tokens);
  const end = all.findIndex((token) => token === END || Number.isNaN(token));
  return end < 0 ? all : all.slice(0, end);
}

const symbolsCheck: Check<string> = (value, at) => {
  if (typeof value !== 'string' || value === '') return refuse(at, 'a text with every character once', value);
  const seen = new Set<string>();
  for (const symbol of value) {
    if (seen.has(symbol))
      return refuse(at, `a text with every character once (${JSON.stringify(symbol)} is there twice)`, value);
    seen.add(symbol);
  }
  return value;
};

export const charactersTokenizer = /* @__PURE__ */ tokenizers.known('characters', {
  options: { alphabet: symbolsCheck },
  build: ({ alphabet }) => {
    const symbols = Array.from(alphabet);
    const tokens = new Map(symbols.map((symbol, i) => [symbol, i + 1]));
    return {
      size: symbols.length + 1,
      encode: (text: string) =>
        Array.from(text, (symbol, i) => {
          const token = tokens.get(symbol);
          if (token !== undefined) return token;
          throw new ValueError(`character ${JSON.stringify(symbol)} at position ${i} is not in the alphabet`);
        }),
      decode: (given: ArrayLike<number>) =>
        beforeEnd(given)
          .map((token) => symbols[token - 1] ?? '')
          .join(''),
    };
  },
});

/** One token for each character of an alphabet, which is given as a text of them: `characters('abc …')`. */
export function characters(alphabet: string): Tokenizer {
  return charactersTokenizer.make({ alphabet });
}

const textsCheck = /* @__PURE__ */ list(/* @__PURE__ */ text(), { min: 1 });

/** `characters` of all that occur in these texts, in the order of their code points. */
export function charactersOf(texts: readonly string[]): Tokenizer {
  const seen = new Set<string>();
  for (const own of textsCheck(texts, { caller: 'charactersOf', path: 'texts' }))
    for (const symbol of own) seen.add(symbol);
  return characters([...seen].sort((a, b) => (a.codePointAt(0) ?? 0) - (b.codePointAt(0) ?? 0)).join(''));
}

export const bytesTokenizer = /* @__PURE__ */ tokenizers.known('bytes', {
  options: {},
  build: () => ({
    size: 257,
    encode: (text: string) => Array.from(new TextEncoder().encode(text), (byte) => byte + 1),
    decode: (given: ArrayLike<number>) =>
      new TextDecoder().decode(Uint8Array.from(beforeEnd(given), (token) => token - 1)),
  }),
});

/** One token for each byte of a text in UTF-8: for any text at all, at several steps for a character outside of ASCII. */
export function bytes(): Tokenizer {
  return bytesTokenizer.make({});
}

const wordCheck: Check<string> = (value, at) =>
  typeof value === 'string' && /^\S+$/u.test(value) ? value : refuse(at, 'a word without space', value);

const wordsChecks = { vocabulary: /* @__PURE__ */ list(wordCheck, { min: 1 }) };

export const wordsTokenizer = /* @__PURE__ */ tokenizers.known('words', {
  options: wordsChecks,
  build: ({ vocabulary }, caller) => {
    const tokens = new Map(vocabulary.map((word, i) => [word, i + 2]));
    if (tokens.size < vocabulary.length) {
      const twice = vocabulary.find((word, i) => vocabulary.indexOf(word) < i);
      throw new ValueError(`${caller}: vocabulary has ${JSON.stringify(twice)} twice`);
    }
    return {
      size: vocabulary.length + 2,
      encode: (text: string) =>
        text
          .split(/\s+/u)
          .filter((word) => word !== '')
          .map((word) => tokens.get(word) ?? UNKNOWN),
      decode: (given: ArrayLike<number>) =>
        beforeEnd(given)
          .map((token) => vocabulary[token - 2] ?? '<unk>')
          .join(' '),
    };
  },
});

/** One token for each word of a vocabulary and one for all others; words are what stands between spaces. */
export function words(vocabulary: readonly string[]): Tokenizer {
  return wordsTokenizer.make({ vocabulary });
}

const wordsOfChecks = {
  least: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 }), 1),
  most: /* @__PURE__ */ optional(/* @__PURE__ */ whole({ min: 1 })),
};

/** `words` of those that occur in these texts at least `least` times (1), the most frequent first, `most` of them (all). */
export function wordsOf(
  texts: readonly string[],
  options: { readonly least?: number; readonly most?: number } = {},
): Tokenizer {
  const { least, most } = checkOptions('wordsOf', options, wordsOfChecks);
  const counts = new Map<string, number>();
  for (const own of textsCheck(texts, { caller: 'wordsOf', path: 'texts' })) {
    for (const word of own.split(/\s+/u)) if (word !== '') counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const frequent = [...counts].filter(([, count]) => count >= least);
  frequent.sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return words(frequent.slice(0, most).map(([word]) => word));
}

/** A check for a tokenizer, or what a file says of one. */
export const tokenizerCheck: Check<Tokenizer> = (value, at) => partOf(tokenizers, "characters('abc')")(value, at);

/** Texts as rows of tokens, each with its end; what a text may not hold is refused by its row. */
export function tokenRows(caller: string, texts: readonly unknown[], tokenizer: Tokenizer): number[][] {
  return texts.map((text, r) => {
    if (typeof text !== 'string') {
      throw new ValueError(`${caller}: expected texts, got ${describeValue(text)} at row ${r}`);
    }
    try {
      return [...tokenizer.encode(text), END];
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new ValueError(`${caller}: row ${r}, ${JSON.stringify(text.slice(0, 40))}: ${error.message}`);
    }
  });
}
