import { describe, expect, it } from 'vitest';
import {
  bytes,
  characters,
  charactersOf,
  END,
  type Tokenizer,
  tokenizers,
  tokenRows,
  words,
  wordsOf,
} from './tokenizer.ts';

const made: [string, Tokenizer, string, number[]][] = [
  ['characters', characters('abc é'), 'cab é', [3, 1, 2, 4, 5]],
  ['characters of the texts', charactersOf(['ba', 'c']), 'abc', [1, 2, 3]],
  ['characters past the first plane', characters('a😀'), '😀a', [2, 1]],
  ['bytes', bytes(), 'aé', [98, 196, 170]],
  ['words', words(['the', 'cat']), 'the cat', [2, 3]],
  ['words of the texts', wordsOf(['b a', 'a'], { most: 1 }), 'a', [2]],
];

describe('tokenizers', () => {
  it.each(made)('%s: there and back, up to the end, and through a file', (_name, tokenizer, text, tokens) => {
    expect(tokenizer.encode(text)).toEqual(tokens);
    expect(tokenizer.decode(tokens)).toBe(text);
    expect(tokenizer.decode([...tokens, END, ...tokens])).toBe(text);
    expect(tokenizer.decode([...tokens, Number.NaN])).toBe(text);
    expect(Math.max(...tokens)).toBeLessThan(tokenizer.size);
    expect(tokenizer.encode('')).toEqual([]);
    const copy = tokenizers.resolve(JSON.parse(JSON.stringify(tokenizer.config())), { caller: 'file', path: 'x' });
    expect([copy.size, copy.encode(text)]).toEqual([tokenizer.size, tokens]);
  });

  it('have a token for words that they do not know, and count which are frequent', () => {
    expect(words(['a']).decode(words(['a']).encode('a  z\na'))).toBe('a <unk> a');
    expect(wordsOf(['x y y', 'z y x'], { least: 2 }).config()).toEqual({ name: 'words', vocabulary: ['y', 'x'] });
  });

  it('refuse what they have no token for, by row', () => {
    expect(() => tokenRows('fit', ['ab', 'aXb'], characters('ab'))).toThrow(
      'fit: row 1, "aXb": character "X" at position 1 is not in the alphabet',
    );
    expect(() => tokenRows('fit', ['ab', 3], characters('ab'))).toThrow('fit: expected texts, got 3 at row 1');
    expect(() => characters('aba')).toThrow(
      'characters: alphabet must be a text with every character once ("a" is there twice), got "aba"',
    );
    expect(() => characters('')).toThrow('characters: alphabet must be a text with every character once');
    expect(() => words(['a', 'b', 'a'])).toThrow('words: vocabulary has "a" twice');
    expect(() => words(['a b'])).toThrow('words: vocabulary[0] must be a word without space, got "a b"');
  });
});
