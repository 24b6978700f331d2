import { describe, expect, it } from 'vitest';
import { contentsOf } from '../test/contents.ts';
import { bars, binsOf, columnSummary, dots, heatMap, histogram, lines, principalPlane, report } from './index.ts';

const HOSTILE = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "'};fetch('https://example.com')//",
  '=HYPERLINK("https://example.com";"x")',
  '</title></svg></style><style>*{display:none}',
  '<!--',
  ']]>',
  '\u202egnp.exe\u0000\u0007',
  '😀'.repeat(300),
  'a'.repeat(3000),
  '\ud800',
  '&lt;b&gt;&#0;',
  'javascript:alert(1)',
];
const hostile = (_what: string, i: number): string => `${HOSTILE[i % HOSTILE.length] as string}${i}`;
const bytes = (text: string): number => new TextEncoder().encode(text).length;

/** Elements of a page that are opened and closed in order; throws where they are not. Void elements are those that pages here use. */
function elements(markup: string): string[] {
  const open: string[] = [];
  const found: string[] = [];
  const tag = /<(\/?)([a-z][a-z0-9]*)((?:\s+[a-zA-Z-]+(?:="[^"<]*")?)*)\s*(\/?)>|<!doctype html>|([<])/g;
  const plain = markup.replace(/<style>[^<]*<\/style>/g, '<style></style>');
  for (const [whole, closing, name = '', , self, stray] of plain.matchAll(tag)) {
    if (stray !== undefined) throw new Error(`a stray < at ${whole}`);
    if (name === '') continue;
    if (closing) {
      if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
    } else {
      found.push(name);
      if (!self && !['meta'].includes(name)) open.push(name);
    }
  }
  if (open.length > 0) throw new Error(`${open.join()} stay open`);
  return found;
}

describe('a report', () => {
  const usual = report(contentsOf(8, 3, (what, i) => `${what} ${i}`));

  it('has a part for everything that it is given', () => {
    const ids = [...usual.matchAll(/<section id="(\w+)">/g)].map(([, id]) => id);
    expect(ids).toEqual([
      ...[
        'overview',
        'alerts',
        'anomalies',
        'drift',
        'synthetic',
        'map',
        'columns',
        'training',
        'imputation',
        'limits',
      ],
    ]);
    expect(usual).toContain('command 0');
    expect(usual).toContain('At most 1 % of usual rows raise an alarm');
    expect(usual).toContain('<b>column 0</b> is <em>cell 0</em>, expected 1.5 to 4.25');
    expect(usual).toContain('level 1 (73 %)');
  });

  it('runs no script and asks for nothing', () => {
    const found = new Set(elements(usual));
    for (const name of ['script', 'img', 'link', 'iframe', 'object', 'form', 'input'])
      expect(found).not.toContain(name);
    expect(usual).not.toMatch(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/);
    expect(usual).not.toMatch(/\son\w+=|javascript:|url\(|@import/);
    expect(usual).toContain("default-src 'none'");
  });

  it('shows hostile names and cells as text', () => {
    const page = report(contentsOf(13, 13, hostile));
    expect(new Set(elements(page))).toEqual(new Set(elements(usual)));
    expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).not.toContain('<script');
    for (const shapeless of ['\u202e', '\0', '\u0007']) expect(page.includes(shapeless)).toBe(false);
    expect(new TextDecoder().decode(new TextEncoder().encode(page))).toBe(page);
  });

  it.each([
    ['10,000 columns', 10_000, 1000],
    ['one column', 1, 1],
    ['no columns', 0, 0],
  ])('of %s is below 1 MB', (_what, columns, rows) => {
    const page = report(contentsOf(columns, rows, hostile));
    expect(bytes(page)).toBeLessThan(1_000_000);
    expect(() => elements(page)).not.toThrow();
  });

  it('of nothing says its title', () => {
    const page = report({ title: 'nothing' });
    expect(page).toContain('<h1>nothing</h1>');
    expect(elements(page)).toContain('section');
  });

  it('says when the null wins, and when there is no drift', () => {
    const contents = contentsOf(2, 1, (what, i) => `${what} ${i}`);
    const { card, drift } = contents as Required<typeof contents>;
    const page = report({
      ...contents,
      card: { ...card, loss: { model: 3, null: 2, nullWins: true } },
      drift: { ...drift, drift: false },
    });
    expect(page).toContain('The null wins');
    expect(page).toContain('No drift was found.');
  });
});

describe('charts', () => {
  const sound = (svg: string): void => {
    expect(elements(svg)[0]).toBe('svg');
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  };
  const odd = [Number.NaN, Infinity, -Infinity, 0, 1e300, -1e300, 1e-300];

  it('hold any numbers', () => {
    for (const values of [[], [3], [3, 3], odd, odd.map((x) => -x)]) {
      sound(histogram([binsOf(values)], { title: 'a <b>' }));
      sound(
        histogram([binsOf(values), binsOf([1, 2])], { names: ['a', 'b'], mark: { at: values[0] ?? 0, label: '<' } }),
      );
      sound(bars(values.map((value, i) => ({ name: `<${i}>`, value, other: -value }))));
      sound(lines([{ name: '"', x: values, y: values.toReversed() }], { mark: { at: Infinity, label: '' } }));
      sound(
        dots(
          values.map((x, i) => ({ x, y: -x, group: i - 1 })),
          { names: ['a', '&'] },
        ),
      );
      sound(
        heatMap(
          values.map((_, i) => `<${i}>`),
          (r, c) => (values[r] as number) * (values[c] as number),
        ),
      );
    }
  });

  it('stay small whatever the data', () => {
    const many = Array.from({ length: 200_000 }, (_, i) => Math.sin(i) * 1e6);
    expect(histogram([binsOf(many, { count: 1e6 })]).length).toBeLessThan(10_000);
    expect(bars(many.map((value, i) => ({ name: String(i), value }))).length).toBeLessThan(20_000);
    expect(lines([{ name: 'a', x: many.map((_, i) => i), y: many }]).length).toBeLessThan(15_000);
    expect(dots(many.map((x) => ({ x, y: x }))).length).toBeLessThan(150_000);
    expect(heatMap(many.slice(0, 500).map(String), () => 0.5).length).toBeLessThan(400_000);
  });

  it('bins count every number once, edges included', () => {
    expect(binsOf([0, 1, 2, 3, 4], { count: 4 })).toEqual({ edges: [0, 1, 2, 3, 4], counts: [1, 1, 1, 2] });
    expect(binsOf([7, 7])).toEqual({ edges: [7, 7], counts: [2] });
    expect(binsOf([-5, 0, 5], { count: 2, range: [0, 4] }).counts).toEqual([1, 0]);
  });
});

describe('columns in short', () => {
  it.each([
    ['numbers', [1, 2, null, 4], {}, { holes: 0.25, distinct: 3 }],
    ['numbers as text, where they are known for such', ['1', '2.5', ''], { kind: 'numeric' }, { distinct: 2 }],
    ['dates', ['2026-01-01', '2026-01-03'], { kind: 'date' }, { dates: true }],
    ['big numbers', [1n, 2n ** 70n], {}, { distinct: 2 }],
  ])('%s have bins', (_what, cells, options, want) => {
    const summary = columnSummary('a', cells, options);
    expect(summary).toMatchObject(want);
    expect(summary.bins?.counts.reduce((a, b) => a + b, 0)).toBe(
      cells.filter((cell) => cell !== null && cell !== '').length,
    );
  });

  it('others have their most frequent values', () => {
    const cells = ['b', 'a', 'b', null, ...Array.from({ length: 20 }, (_, i) => `x${i}`)];
    const { levels, others, bins } = columnSummary('a', cells);
    expect(levels?.[0]).toEqual({ value: 'b', count: 2 });
    expect(levels).toHaveLength(10);
    expect(others).toBe(12);
    expect(bins).toBeUndefined();
    expect(columnSummary('a', ['007', '008']).levels).toHaveLength(2);
  });

  it('ids and texts give nothing away', () => {
    for (const kind of ['id', 'text']) {
      expect(JSON.stringify(columnSummary('a', ['secret', 'other'], { kind }))).not.toContain('secret');
    }
  });
});

describe('the plane of codes', () => {
  it('has the two directions of the largest variance', () => {
    const codes = Array.from({ length: 200 }, (_, i) => {
      const [a, b] = [Math.sin(i * 1.7) * 5, Math.cos(i * 2.9)];
      return [a + b, a - b, 0.001 * Math.sin(i)];
    });
    const plane = principalPlane(codes);
    codes.forEach((code, i) => {
      const [x, y] = plane[i] as readonly [number, number];
      const mean = (d: number): number => codes.reduce((sum, each) => sum + (each[d] as number), 0) / codes.length;
      const size = code.slice(0, 2).reduce((sum, value, d) => sum + (value - mean(d)) ** 2, 0);
      expect(x ** 2 + y ** 2).toBeCloseTo(size, 3);
    });
  });

  it('is there for codes of one number, and of none', () => {
    expect(principalPlane([[1], [3]]).map(([x, y]) => [Math.abs(x), y])).toEqual([
      [1, 0],
      [1, 0],
    ]);
    expect(principalPlane([])).toEqual([]);
  });
});
