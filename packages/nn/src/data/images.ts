import {
  type Check,
  checkOptions,
  describeValue,
  formatShape,
  list,
  optional,
  refuse,
  type Shape,
  ShapeError,
  sizeOf,
  Tensor,
  tensor,
  ValueError,
  whole,
} from '@latent/tensor';
import { isTyped, type TypedArray } from './arrays.ts';

/**
 * A picture row by row, as a canvas gives it (`ImageData`, four numbers a pixel) and as decoders of files do, who say how many
 * channels there are: 1 is grey, 2 grey and alpha, 3 colours, 4 colours and alpha.
 */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: TypedArray;
  /** As many as `data` has numbers for each pixel, by default. */
  readonly channels?: number;
}

/** How pixels become rows. */
export interface ImagesOptions {
  /** 1 for grey, 3 for colours (default), 4 for colours and alpha. */
  readonly channels?: 1 | 3 | 4;
}

const channelsCheck: Check<1 | 3 | 4> = (value, at) =>
  value === 1 || value === 3 || value === 4 ? value : refuse(at, '1, 3 or 4', value);
const checks = { channels: /* @__PURE__ */ optional(channelsCheck, 3 as const) };
const shapeChecks = { shape: /* @__PURE__ */ list(/* @__PURE__ */ whole({ min: 1 }), { min: 3, max: 3 }) };

/** What stands for 1 in arrays of a kind: bytes go to 255, floats to 1. */
function fullScale(data: TypedArray): number {
  if (data instanceof Float32Array || data instanceof Float64Array) return 1;
  return 2 ** (8 * data.BYTES_PER_ELEMENT) - 1;
}

/** Rec. 601, as decoders to grey weigh colours. */
const LUMA = [0.299, 0.587, 0.114] as const;

/**
 * Pictures as rows [n, height, width, channels] of numbers from 0 to 1, for `fit` and all else that takes rows: `ImageData` of a
 * canvas, decoded files, one or a list of one size; or the bytes of many end to end with the shape of one: `images(bytes, {
 * shape: [28, 28, 1] })`. Where colours become grey they are weighed by what the eye sees (Rec. 601); alpha is left out unless
 * it is asked for.
 */
export function images(data: TypedArray, options: { readonly shape: Shape }): Tensor;
export function images(data: Picture | readonly Picture[], options?: ImagesOptions): Tensor;
export function images(
  data: TypedArray | Picture | readonly Picture[],
  options: ImagesOptions | { readonly shape: Shape } = {},
): Tensor {
  if (isTyped(data)) return bytesEndToEnd(data, options);
  const { channels } = checkOptions('images', options, checks);
  const pictures = Array.isArray(data) ? (data as readonly Picture[]) : [data as Picture];
  const first = pictures[0];
  if (first === undefined) throw new ValueError('images: needs at least one picture, got none');
  const given = pictures.map((picture, i) => channelsOf(picture, i));
  const { width, height } = first;
  const pixels = width * height;
  const values = new Float32Array(pictures.length * pixels * channels);
  for (const [i, picture] of pictures.entries()) {
    if (picture.width !== width || picture.height !== height) {
      throw new ShapeError(
        `images: all pictures must have one size, but number 0 has ${width}×${height} and number ${i} ${picture.width}×${picture.height}`,
      );
    }
    const scale = fullScale(picture.data);
    for (let p = 0; p < pixels; p++) {
      pixel(picture.data, p, given[i] as number, scale, values, (i * pixels + p) * channels, channels);
    }
  }
  return tensor(values, { shape: [pictures.length, height, width, channels] });
}

function bytesEndToEnd(data: TypedArray, options: object): Tensor {
  const { shape } = checkOptions('images', options, shapeChecks);
  const size = sizeOf(shape);
  if (data.length === 0 || data.length % size !== 0) {
    throw new ShapeError(`images: ${data.length} numbers are no pictures of ${formatShape(shape)} end to end`);
  }
  const scale = fullScale(data);
  return tensor(
    Float32Array.from(data, (value) => value / scale),
    { shape: [data.length / size, ...shape] },
  );
}

/** The channels of a picture, which is checked. */
function channelsOf(picture: Picture, i: number): number {
  if (typeof picture !== 'object' || picture === null || !isTyped(picture.data)) {
    throw new ValueError(
      `images: expected pictures { width, height, data }, got ${describeValue(picture)} as number ${i}`,
    );
  }
  const { width, height, data } = picture;
  for (const [path, value] of Object.entries({ width, height })) {
    whole({ min: 1 })(value, { caller: 'images', path: `picture ${i}: ${path}` });
  }
  const channels = picture.channels ?? data.length / (width * height);
  if (![1, 2, 3, 4].includes(channels) || channels * width * height !== data.length) {
    throw new ShapeError(
      `images: picture ${i} of ${width}×${height} has ${data.length} numbers, which are not 1 to 4 for each pixel`,
    );
  }
  return channels;
}

/** Writes pixel p of `data`, which has `given` channels, as `channels` numbers at `to`. */
function pixel(
  data: TypedArray,
  p: number,
  given: number,
  scale: number,
  values: Float32Array,
  to: number,
  channels: number,
): void {
  const from = p * given;
  const at = (c: number): number => (data[from + c] as number) / scale;
  const grey = given < 3;
  if (channels === 1) values[to] = grey ? at(0) : LUMA[0] * at(0) + LUMA[1] * at(1) + LUMA[2] * at(2);
  else {
    for (let c = 0; c < 3; c++) values[to + c] = at(grey ? 0 : c);
    if (channels === 4) values[to + 3] = given === 2 || given === 4 ? at(given - 1) : 1;
  }
}

/**
 * Rows [n, height, width, channels] of numbers from 0 to 1 as pictures to show: `new ImageData(data, width)` makes one for a
 * canvas. One channel is grey, three are colours, four colours and alpha; numbers outside are drawn to the edge.
 */
export function pictures(
  x: Tensor,
): { readonly width: number; readonly height: number; readonly data: Uint8ClampedArray<ArrayBuffer> }[] {
  const shape = x instanceof Tensor ? x.shape : null;
  const [n = 0, height = 0, width = 0, channels = 0] = shape ?? [];
  if (shape?.length !== 4 || ![1, 3, 4].includes(channels)) {
    const got = shape === null ? describeValue(x) : formatShape(shape);
    throw new ShapeError(`pictures: expected rows [n, height, width, 1, 3 or 4], got ${got}`);
  }
  const values = x.data;
  const pixels = width * height;
  return Array.from({ length: n }, (_, i) => {
    const data = new Uint8ClampedArray(4 * pixels);
    for (let p = 0; p < pixels; p++) {
      const from = (i * pixels + p) * channels;
      for (let c = 0; c < 3; c++) data[4 * p + c] = 255 * (values[from + (channels === 1 ? 0 : c)] as number);
      data[4 * p + 3] = channels === 4 ? 255 * (values[from + 3] as number) : 255;
    }
    return { width, height, data };
  });
}
