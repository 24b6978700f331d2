import { checkOptions, fields, list, optional, real, whole } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { Kind, type Part, partOf } from './registry.ts';

interface Shape extends Part {
  area(): number;
}
const make = () => {
  const shapes = new Kind<Shape>('shape');
  const square = shapes.define('square', {
    options: { side: real({ above: 0 }) },
    build: ({ side }) => ({ area: () => side ** 2 }),
  });
  const group = shapes.define('group', {
    options: {
      of: (value, at) => list(partOf(shapes, 'square({ side: 1 })'))(value, at),
      times: optional(whole({ min: 1 }), 1),
    },
    build: ({ of, times }) => ({ area: () => times * of.reduce((sum, shape) => sum + shape.area(), 0) }),
  });
  return { shapes, square, group };
};
const at = { caller: 'Model', path: 'shape' };

describe('a kind of parts', () => {
  it('makes parts from options, describes them, and makes them again from that', () => {
    const { shapes, square, group } = make();
    const part = group({ of: [square({ side: 2 }), group({ of: [square({ side: 1 })], times: 3 })] });
    expect(part.area()).toBe(7);
    const config = {
      name: 'group',
      of: [
        { name: 'square', side: 2 },
        { name: 'group', of: [{ name: 'square', side: 1 }], times: 3 },
      ],
      times: 1,
    };
    expect(part.config()).toEqual(config);
    const again = shapes.resolve(JSON.parse(JSON.stringify(part.config())), at);
    expect([again.area(), again.config(), again.name]).toEqual([7, config, 'group']);
    expect([shapes.is(again), shapes.is({ ...again }), shapes.is(null), shapes.is(config)]).toEqual([
      true,
      false,
      false,
      false,
    ]);
    expect(shapes.names()).toEqual(['square', 'group']);
  });

  it('takes descriptions where parts stand, so that files are read by the same checks', () => {
    const { shapes, square } = make();
    const check = partOf(shapes, 'square({ side: 1 })');
    const part = square({ side: 2 });
    expect(check(part, at)).toBe(part);
    expect(check({ name: 'square', side: 3 }, at).area()).toBe(9);
  });

  it('refuses what it does not know, by path and nearest name', () => {
    const { shapes } = make();
    const cases: [unknown, string][] = [
      [
        { name: 'sqare', side: 1 },
        "Model: there is no shape (shape) 'sqare'; did you mean 'square'? (known: square, group)",
      ],
      [{ name: 'square' }, 'Model: shape.side must be a number > 0, got undefined'],
      [{ name: 'square', side: '2' }, 'Model: shape.side must be a number > 0, got "2"'],
      [{ name: 'square', size: 2 }, "Model: shape: there is no field 'size'; did you mean 'side'?"],
      [
        {
          name: 'group',
          of: [
            { name: 'square', side: 1 },
            { name: 'group', of: 5 },
          ],
        },
        'Model: shape.of[1].of must be an array, got 5',
      ],
      [{ name: 5 }, 'Model: shape.name must be text, got 5'],
      [{}, 'Model: shape.name must be text, got undefined'],
      [JSON.parse('{"name":"square","side":1,"__proto__":{"side":2}}'), "Model: shape: there is no field '__proto__'"],
      [{ name: '__proto__' }, "there is no shape (shape) '__proto__'"],
      [{ name: 'constructor' }, "there is no shape (shape) 'constructor'"],
      ...[null, undefined, 5, 'square', [], new Date(0), new Map()].map((bad): [unknown, string] => [
        bad,
        'Model: shape must be a shape such as { name: … }, got',
      ]),
    ];
    for (const [config, message] of cases) expect(() => shapes.resolve(config, at)).toThrow(message);
  });

  it('says what may be wrong with what looks like a part', () => {
    const { shapes, square } = make();
    const check = partOf(shapes, 'square({ side: 1 })');
    const other = make().square({ side: 1 });
    expect(() => check(other, at)).toThrow('got an object, which is a shape or comes from another copy of @latent/nn');
    class Mine {
      readonly name = 'mine';
      config = () => ({ name: 'mine' });
    }
    expect(() => check(new Mine(), at)).toThrow('got a Mine; parts of your own are made by `define` of their kind');
    for (const bad of ['square', 5, null, square, [square({ side: 1 })], { side: 1 }]) {
      expect(() => check(bad, at)).toThrow('Model: shape must be a shape such as square({ side: 1 }), got');
    }
  });

  it('has one part of a name, with options that do not hide what it is', () => {
    const { shapes } = make();
    const spec = { options: {}, build: () => ({ area: () => 0 }) };
    expect(() => shapes.define('square', spec)).toThrow(
      "shape: there is one named 'square' already; choose another name",
    );
    for (const name of ['', undefined, null, 5])
      expect(() => shapes.define(name as string, spec)).toThrow('shape: a part needs a name, got');
    for (const taken of ['name', 'config']) {
      expect(() => shapes.define('odd', { ...spec, options: { [taken]: real() } })).toThrow(
        `shape: 'odd' cannot have an option '${taken}'`,
      );
    }
    const definition = shapes.part('late', spec);
    expect(shapes.definition('late')).toBeUndefined();
    shapes.register(definition, definition);
    expect(shapes.definition('late')).toBe(definition);
  });

  it('lets parts go 16 levels deep, made or read, and no further', () => {
    const { shapes, square, group } = make();
    let part = square({ side: 1 });
    let config: object = part.config();
    for (let depth = 2; depth <= 16; depth++) {
      part = group({ of: [part] });
      config = { name: 'group', of: [config] };
    }
    expect(shapes.resolve(part.config(), at).area()).toBe(1);
    expect(() => group({ of: [part] })).toThrow('group: parts within parts go 16 levels at most, got 17');
    expect(() => shapes.resolve({ name: 'group', of: [config] }, at)).toThrow(
      /lies too deep; parts within parts go 16 levels at most$/,
    );
    for (let i = 0; i < 5000; i++) config = { name: 'group', of: [config] };
    expect(() => shapes.resolve(config, at)).toThrow('lies too deep');
    // A refusal leaves nothing behind.
    expect(shapes.resolve(part.config(), at).area()).toBe(1);
  });

  it('has at most 4,096 parts within one, made or read', () => {
    const { shapes, square, group } = make();
    const one = square({ side: 1 });
    const some = (count: number): Shape => group({ of: new Array<Shape>(count).fill(one) });
    expect(some(4096).area()).toBe(4096);
    expect(() => some(4097)).toThrow('group: there are more than 4096 parts within one');
    expect(() => group({ of: [some(2047), some(2048)] })).toThrow('group: there are more than 4096 parts within one');
    // Those of a file are not made before they are counted.
    const read = { name: 'group', of: new Array(4097).fill({ name: 'square', side: 1 }) };
    expect(() => shapes.resolve(read, at)).toThrow(/^Model: shape\.of\[4096\]…: there are more than 4096 parts/);
    read.of.pop();
    expect(shapes.resolve(read, at).area()).toBe(4096);
    expect(shapes.resolve(read, at).area()).toBe(4096);
  });

  it('does not describe what a file cannot hold', () => {
    const shapes = new Kind<Shape>('shape');
    const odd = shapes.define('odd', { options: { with: (value) => value }, build: () => ({ area: () => 0 }) });
    const cases: [unknown, string][] = [
      [() => 5, 'odd.with: a file cannot hold a function'],
      [Infinity, 'odd.with: a file cannot hold Infinity'],
      [[1, [Number.NaN]], 'odd.with[1][0]: a file cannot hold NaN'],
      [{ deep: new Map() }, 'odd.with.deep: a file cannot hold a Map'],
      [new Date(0), 'odd.with: a file cannot hold a Date'],
      [5n, 'odd.with: a file cannot hold 5n'],
    ];
    for (const [value, message] of cases) expect(() => odd({ with: value }).config()).toThrow(message);
    expect(odd({ with: Float32Array.of(1, 2) }).config()).toEqual({ name: 'odd', with: [1, 2] });
    expect(odd({ with: { a: [null, 'x', true] } }).config()).toEqual({ name: 'odd', with: { a: [null, 'x', true] } });
    expect(odd({}).config()).toEqual({ name: 'odd' });
  });

  it('is not changed through the options that a part was made with', () => {
    const { group, square } = make();
    const of = [square({ side: 1 })];
    const part = group({ of });
    of.push(square({ side: 100 }));
    expect([part.area(), (part.config().of as unknown[]).length]).toEqual([1, 1]);
    expect(() => checkOptions('f', { a: 1 }, { a: fields({}) })).toThrow('f: a must be an object, got 1');
  });
});
