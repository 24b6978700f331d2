import { describe, expect, it } from 'vitest';
import {
  checkOptions,
  describeValue,
  either,
  fields,
  flag,
  list,
  nearestName,
  nullable,
  oneOf,
  optional,
  real,
  text,
  whole,
} from './options.ts';

const checks = {
  epochs: optional(whole({ min: 0 }), 10),
  learningRate: optional(real({ above: 0 })),
  mode: optional(oneOf('mean', 'draw'), 'mean'),
  sizes: optional(list(whole({ min: 1 }))),
  nested: optional(fields({ name: text(), on: flag() })),
};

describe('checkOptions', () => {
  it('fills in defaults, and leaves out what is left out', () => {
    expect(checkOptions('f', undefined, checks)).toEqual({ epochs: 10, mode: 'mean' });
    expect(checkOptions('f', { epochs: 3, sizes: [1, 2] }, checks)).toEqual({ epochs: 3, mode: 'mean', sizes: [1, 2] });
  });

  it.each([
    [{ epoch: 3 }, "f: there is no option 'epoch'; did you mean 'epochs'? (known: "],
    [{ lerningRate: 3 }, "did you mean 'learningRate'?"],
    [{ epochs: '5' }, 'f: epochs must be a whole number ≥ 0, got "5"'],
    [{ epochs: 2.5 }, 'f: epochs must be a whole number ≥ 0, got 2.5'],
    [{ epochs: Number.NaN }, 'f: epochs must be a whole number ≥ 0, got NaN'],
    [{ epochs: null }, 'f: epochs must be a whole number ≥ 0, got null'],
    [{ learningRate: 0 }, 'f: learningRate must be a number > 0, got 0'],
    [{ learningRate: Infinity }, 'f: learningRate must be a number > 0, got Infinity'],
    [{ mode: 'draws' }, "f: mode must be one of 'mean', 'draw', got \"draws\"; did you mean 'draw'?"],
    [{ sizes: [1, 0] }, 'f: sizes[1] must be a whole number ≥ 1, got 0'],
    [{ sizes: new Array(2) }, 'f: sizes[0] must be a whole number ≥ 1, got undefined'],
    [{ sizes: 7 }, 'f: sizes must be an array, got 7'],
    [{ nested: { name: 'x', on: 'yes' } }, 'f: nested.on must be true or false, got "yes"'],
    [{ nested: { name: 'x', on: true, off: 1 } }, "f: nested: there is no field 'off'"],
    [5, 'f: options must be an object, got 5'],
    [[1], 'f: options must be an object, got an array of 1'],
    [new Date(0), 'f: options must be an object, got a Date'],
    ['x', 'f: options must be an object, got "x"'],
    [null, 'f: options must be an object, got null'],
  ])('refuses %j', (options, message) => {
    expect(() => checkOptions('f', options, checks)).toThrow(message);
  });

  it('takes objects without a prototype and from other realms', () => {
    const bare: Record<string, unknown> = Object.create(null);
    bare.epochs = 4;
    expect(checkOptions('f', bare, checks).epochs).toBe(4);
  });

  it('does not take inherited names for options', () => {
    expect(() => checkOptions('f', JSON.parse('{"__proto__": 1}'), checks)).toThrow("'__proto__'");
    expect(() => checkOptions('f', { toString: 1 }, checks)).toThrow("'toString'");
  });
});

it('nearestName finds slips of the finger and shortened names, and nothing far away', () => {
  const known = ['learningRate', 'latentSize', 'epochs', 'transform'];
  expect(nearestName('latentsize', known)).toBe('latentSize');
  expect(nearestName('ltentSize', known)).toBe('latentSize');
  expect(nearestName('learnignRate', known)).toBe('learningRate');
  expect(nearestName('epoch', known)).toBe('epochs');
  expect(nearestName('zzzzzz', known)).toBe(null);
});

it('describeValue is short and says what it was', () => {
  expect(
    [5, '5', null, undefined, [], [1], {}, new Float32Array(3), new Date(0), Math.max, -0].map(describeValue),
  ).toEqual([
    '5',
    '"5"',
    'null',
    'undefined',
    'an empty array',
    'an array of 1',
    'an object',
    'Float32Array of 3',
    'a Date',
    'the function max',
    '-0',
  ]);
  expect(describeValue('x'.repeat(100)).length).toBeLessThan(50);
});

it('nullable and either pass on', () => {
  const at = { caller: 'f', path: 'x' };
  expect(nullable(whole())(null, at)).toBe(null);
  const check = either(
    'a number or text',
    [(v) => typeof v === 'number', whole()],
    [(v) => typeof v === 'string', text()],
  );
  expect([check(3, at), check('a', at)]).toEqual([3, 'a']);
  expect(() => check(true, at)).toThrow('f: x must be a number or text, got true');
});
