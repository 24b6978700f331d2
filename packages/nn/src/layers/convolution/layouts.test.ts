import { Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { Linear } from '../linear.ts';
import { Conv1d, Conv2d, ConvTranspose2d } from './convolution.ts';
import { channelsFirst, channelsLast, weightFromKeras, weightToKeras } from './layouts.ts';

const rng = new Rng(1);

describe('weights in Keras’s layout', () => {
  const layers = [
    ['Linear', new Linear(3, 2, { rng }), [3, 2]],
    ['Conv1d', new Conv1d(3, 2, { rng, kernel: 4 }), [4, 3, 2]],
    ['Conv2d', new Conv2d(3, 2, { rng, kernel: [4, 5] }), [4, 5, 3, 2]],
    ['Conv2d in groups', new Conv2d(4, 6, { rng, kernel: 3, groups: 2 }), [3, 3, 2, 6]],
    ['depthwise', new Conv2d(3, 6, { rng, kernel: [4, 5], groups: 3 }), [4, 5, 3, 2]],
    ['ConvTranspose2d', new ConvTranspose2d(3, 2, { rng, kernel: [4, 5] }), [4, 5, 2, 3]],
  ] as const;

  it.each(layers)('of %s come back as they were', (_name, layer, shape) => {
    const kernel = weightToKeras(layer);
    expect(kernel.shape).toEqual(shape);
    expect(weightFromKeras(layer, kernel).data).toEqual(layer.weight.data);
    const wrong = tensor([1, 2]);
    expect(() => weightFromKeras(layer, wrong)).toThrow(`in Keras, got [2]`);
  });

  it('lie where Keras looks for them', () => {
    const conv = new Conv2d(2, 3, { rng, kernel: [2, 2] });
    const [w, k] = [conv.weight.toArray() as number[][][][], weightToKeras(conv).toArray() as number[][][][]];
    const depthwise = new Conv2d(2, 4, { rng, kernel: [2, 2], groups: 2 });
    const [dw, dk] = [
      depthwise.weight.toArray() as number[][][][],
      weightToKeras(depthwise).toArray() as number[][][][],
    ];
    for (const [r, q, c, o] of [
      [0, 1, 1, 2],
      [1, 0, 0, 1],
    ] as const) {
      expect(k[r]?.[q]?.[c]?.[o]).toBe(w[o]?.[c]?.[r]?.[q]);
      // Feature m of channel c is number c·2 + m.
      expect(dk[r]?.[q]?.[c]?.[o - 1]).toBe(dw[2 * c + o - 1]?.[0]?.[r]?.[q]);
    }
    expect(() => weightToKeras(new ConvTranspose2d(4, 4, { rng, kernel: 3, groups: 2 }))).toThrow('no transposed');
  });
});

describe('the order of a flattened picture', () => {
  // Two channels of 1×3: PyTorch has channel after channel, pixels have both channels here.
  const theirs = [1, 2, 3, 10, 20, 30];
  const ours = [1, 10, 2, 20, 3, 30];

  it('is turned along any axis, and back', () => {
    const row = [1, 3, 2];
    expect([...channelsLast(tensor(theirs), row).data]).toEqual(ours);
    expect([...channelsFirst(tensor(ours), row).data]).toEqual(theirs);
    const weight = tensor([theirs, theirs.map((x) => -x)]);
    expect(channelsLast(weight, row, 1).toArray()).toEqual([ours, ours.map((x) => -x)]);
    expect(channelsLast(weight.transpose(), row, 0).transpose().toArray()).toEqual([ours, ours.map((x) => -x)]);
    expect(channelsFirst(channelsLast(weight, row, 1), row, -1).toArray()).toEqual(weight.toArray());
    expect(() => channelsLast(weight, [2, 2, 2], 1)).toThrow(
      'channelsLast: axis 1 must hold [2, 2, 2] = 8 numbers, got [2, 6]',
    );
  });
});
