import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterAll, describe, expect, it } from 'vitest';
import { image, independentPixelsBaseline, loadDigits, PIXELS } from './digits.ts';
import { parseOptions } from './options.ts';
import { DIGIT_COLOURS, scatter } from './scatter.ts';
import { sheet } from './sheet.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-demo-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the digits', () => {
  const { train, test } = loadDigits();

  it('are 8,004 and 1,996, every fifth of a class for testing, grey values from 0 to 1', () => {
    expect([train.labels.length, test.labels.length]).toEqual([8004, 1996]);
    for (let digit = 0; digit < 10; digit++) {
      const [a = 0, b = 0] = [train, test].map((set) => set.labels.filter((label) => label === digit).length);
      expect(Math.abs(a - 4 * b)).toBeLessThanOrEqual(4);
    }
    expect(Math.min(...image(test, 5))).toBeGreaterThanOrEqual(0);
    expect(train.images.reduce((most, x) => Math.max(most, x), 0)).toBeLessThanOrEqual(1);
  });

  it('cost about 206 nats without a model', () => {
    expect(independentPixelsBaseline(train, train)).toBeCloseTo(205.7, 1);
    expect(independentPixelsBaseline(train, test)).toBeCloseTo(206.8, 1);
  });
});

describe('the options', () => {
  it('have defaults, are read, and refused where they make no sense', () => {
    expect(parseOptions([])).toEqual({ options: { epochs: 10, seed: 0, out: 'demo/out' } });
    expect(parseOptions(['--epochs', '2', '--seed', '7', '--out', 'x'])).toEqual({
      options: { epochs: 2, seed: 7, out: 'x' },
    });
    expect(parseOptions(['--help'])).toEqual({ help: true });
    expect(parseOptions(['--epochs', '0'])).toEqual({ error: "--epochs must be a whole number ≥ 1, got '0'" });
    expect(parseOptions(['--seed', '1.5'])).toEqual({ error: "--seed must be a whole number ≥ 0, got '1.5'" });
    expect(parseOptions(['--speed', '1'])).toEqual({ error: expect.stringContaining('--speed') });
  });
});

describe('the pictures', () => {
  it('show each image in its place, as a PNG that decodes to what was drawn', () => {
    const white = new Float32Array(PIXELS).fill(1);
    const picture = sheet([white, new Float32Array(PIXELS), white], 2);
    const path = join(folder, 'sheet.png');
    picture.write(path);
    const png = decode(readFileSync(path));
    expect([png.width, png.height]).toEqual([picture.width, picture.height]);
    const at = (x: number, y: number): number => png.data[(y * png.width + x) * 3] as number;
    expect([at(30, 30), at(30 + 58, 30), at(30, 30 + 58)]).toEqual([255, 0, 255]);
  });

  it('put points where they belong, in the colour of their digit', () => {
    const picture = scatter(
      [
        [0.5, -0.5],
        [-1.5, 1.2],
      ],
      [3, 7],
    );
    // Two units to each side of the middle, 640 pixels wide from 44, 10 from the top.
    expect(picture.get(44 + 400, 10 + 400)).toEqual(DIGIT_COLOURS[3]);
    expect(picture.get(44 + 80, 10 + 128)).toEqual(DIGIT_COLOURS[7]);
  });
});
