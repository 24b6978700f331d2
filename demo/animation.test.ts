import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode, decodeApng } from 'fast-png';
import { afterAll, expect, it } from 'vitest';
import { writeAnimation } from './animation.ts';
import { type Colour, Picture } from './picture.ts';

const folder = mkdtempSync(join(tmpdir(), 'latent-animation-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('pictures become frames in order, and readers that know no animation see the first', () => {
  const colours: Colour[] = [
    [255, 0, 0],
    [0, 255, 0],
    [10, 20, 30],
  ];
  const path = join(folder, 'three.png');
  writeAnimation(
    path,
    colours.map((colour) => new Picture(5, 3, colour)),
    250,
  );
  const file = readFileSync(path);
  const { frames, numberOfFrames, numberOfPlays } = decodeApng(file, { checkCrc: true });
  expect([numberOfFrames, numberOfPlays]).toEqual([3, 0]);
  for (const [i, frame] of frames.entries()) {
    expect(Array.from(frame.data.subarray(0, 3)), `frame ${i}`).toEqual(colours[i]);
    expect([frame.delayNumber, frame.delayDenominator]).toEqual([i === 2 ? 1000 : 250, 1000]);
  }
  const plain = decode(file, { checkCrc: true });
  expect([plain.width, plain.height, plain.data[0]]).toEqual([5, 3, 255]);
});

it('frames of other sizes are refused', () => {
  const of = (width: number): Picture => new Picture(width, 3, [0, 0, 0]);
  expect(() => writeAnimation(join(folder, 'x.png'), [of(5), of(6)], 100)).toThrow(
    'frames of one size, got 5×3 and 6×3',
  );
  expect(() => writeAnimation(join(folder, 'x.png'), [], 100)).toThrow('no frames');
});
