import { Rng, tensor } from '@latent/tensor';
import { describe, expect, it } from 'vitest';
import { images, type Picture, pictures } from './images.ts';

/** As a canvas gives it: two pixels, red and half-transparent white. */
const imageData: Picture = { width: 2, height: 1, data: new Uint8ClampedArray([255, 0, 0, 255, 255, 255, 255, 128]) };

describe('images', () => {
  it('takes colours, grey and alpha of pictures of any kind', () => {
    const close = (got: number[], want: number[]): void => {
      expect(got.length).toBe(want.length);
      for (const [i, value] of want.entries()) expect(got[i]).toBeCloseTo(value, 6);
    };
    expect(images(imageData).shape).toEqual([1, 1, 2, 3]);
    close([...images(imageData).data], [1, 0, 0, 1, 1, 1]);
    close([...images([imageData, imageData], { channels: 1 }).data], [0.299, 1, 0.299, 1]);
    close([...images(imageData, { channels: 4 }).data], [1, 0, 0, 1, 1, 1, 1, 128 / 255]);
    const grey: Picture = { width: 1, height: 2, data: new Uint16Array([65535, 0]) };
    close([...images(grey).data], [1, 1, 1, 0, 0, 0]);
    const greyAlpha: Picture = { width: 1, height: 1, channels: 2, data: new Uint8Array([51, 102]) };
    close([...images(greyAlpha, { channels: 4 }).data], [0.2, 0.2, 0.2, 0.4]);
    close([...images({ width: 1, height: 1, data: new Float32Array([0.25, 0.5, 1]) }).data], [0.25, 0.5, 1]);
  });

  it('takes bytes end to end, and leaves them as they are', () => {
    const bytes = Uint8Array.from({ length: 2 * 3 * 4 }, (_, i) => i * 10);
    const x = images(bytes, { shape: [3, 4, 1] });
    expect(x.shape).toEqual([2, 3, 4, 1]);
    expect(x.data[5]).toBeCloseTo(50 / 255, 6);
    expect(bytes[23]).toBe(230);
  });

  it('refuses what is no picture', () => {
    const refused: [() => unknown, string][] = [
      [() => images([]), 'images: needs at least one picture, got none'],
      [() => images([null as never]), 'images: expected pictures { width, height, data }, got null as number 0'],
      [() => images('x' as never), 'images: expected pictures { width, height, data }, got "x" as number 0'],
      [
        () => images({ ...imageData, width: 3 }),
        'images: picture 0 of 3×1 has 8 numbers, which are not 1 to 4 for each pixel',
      ],
      [() => images({ ...imageData, width: 0 }), 'images: picture 0: width must be a whole number ≥ 1, got 0'],
      [
        () => images([imageData, { width: 1, height: 2, data: new Uint8Array(8) }]),
        'images: all pictures must have one size, but number 0 has 2×1 and number 1 1×2',
      ],
      [() => images(imageData, { channels: 2 as never }), 'images: channels must be 1, 3 or 4, got 2'],
      [
        () => images(imageData, { chanels: 1 } as never),
        "images: there is no option 'chanels'; did you mean 'channels'?",
      ],
      [
        () => images(new Uint8Array(10), { shape: [2, 2, 1] }),
        'images: 10 numbers are no pictures of [2, 2, 1] end to end',
      ],
      [() => images(new Uint8Array(10), {} as never), 'images: shape must be an array, got undefined'],
      [() => pictures(tensor([1, 2])), 'pictures: expected rows [n, height, width, 1, 3 or 4], got [2]'],
      [() => pictures(undefined as never), 'pictures: expected rows [n, height, width, 1, 3 or 4], got undefined'],
    ];
    for (const [call, message] of refused) expect(call).toThrow(message);
  });

  it('come back as pictures', () => {
    const bytes = Uint8Array.from({ length: 24 }, (_, i) => i * 10);
    for (const [shape, channels] of [
      [[2, 12, 1], 1],
      [[2, 4, 3], 3],
      [[2, 3, 4], 4],
    ] as const) {
      const [picture] = pictures(images(bytes, { shape: [...shape] }));
      expect([picture?.height, picture?.width]).toEqual([2, shape[1]]);
      expect(picture?.data.length).toBe(8 * shape[1]);
      const back = images(picture as Picture, { channels });
      expect(back.data).toEqual(images(bytes, { shape: [...shape] }).data);
    }
    const [outside] = pictures(tensor([[[[2], [-1]]]]));
    expect([...(outside?.data ?? [])]).toEqual([255, 255, 255, 255, 0, 0, 0, 255]);
    expect(pictures(new Rng(1).uniform([3, 2, 2, 1]))).toHaveLength(3);
  });
});
