// The meaning of the operators of images, in plain loops; see interpreter.ts.
import type { Numbers, Operation, Options } from './interpreter.ts';

/** [n, channels, height, width] numbers by their places; 0 outside. */
class Grid {
  readonly data: number[];
  readonly dims: readonly number[];
  constructor(dims: readonly number[], data?: readonly number[]) {
    this.dims = dims;
    this.data = data === undefined ? new Array<number>(dims.reduce((a, b) => a * b, 1)).fill(0) : [...data];
  }
  /** Where an element is; −1 outside. */
  at(index: readonly number[]): number {
    let flat = 0;
    for (const [axis, size] of this.dims.entries()) {
      const place = index[axis] as number;
      if (place < 0 || place >= size) return -1;
      flat = flat * size + place;
    }
    return flat;
  }
  get(index: readonly number[]): number {
    return this.data[this.at(index)] ?? 0;
  }
  add(index: readonly number[], value: number): void {
    const at = this.at(index);
    if (at >= 0) this.data[at] = (this.data[at] as number) + value;
  }
}

const ints = (options: Options, name: string): readonly [number, number] => {
  const list = options[name]?.ints;
  if (list?.length !== 2) throw new Error(`${name} must be two numbers`);
  return list as unknown as readonly [number, number];
};

const padsOf = (options: Options): readonly [number, number, number, number] => {
  const list = options.pads?.ints;
  if (list?.length !== 4 || list.some((side) => side < 0)) throw new Error('pads must be four numbers ≥ 0');
  return list as unknown as readonly [number, number, number, number];
};

function* places(dims: readonly number[]): Iterable<number[]> {
  const size = dims.reduce((a, b) => a * b, 1);
  for (let flat = 0; flat < size; flat++) {
    let rest = flat;
    const index = dims.toReversed().map((each) => {
      const place = rest % each;
      rest = Math.floor(rest / each);
      return place;
    });
    yield index.reverse();
  }
}

/** Sizes of what windows make. */
function outputOf(size: readonly number[], options: Options): [number, number] {
  const pads = padsOf(options);
  const [kernel, stride, dilation] = ['kernel_shape', 'strides', 'dilations'].map((name) => ints(options, name));
  return [0, 1].map((d) => {
    const reach = dilation![d]! * (kernel![d]! - 1) + 1;
    return Math.floor((size[d]! + pads[d]! + pads[d + 2]! - reach) / stride![d]!) + 1;
  }) as [number, number];
}

const conv: Operation = ([x, w, b], options) => {
  const [a, k] = [x as Numbers, w as Numbers];
  const [stride, dilation, pads] = [ints(options, 'strides'), ints(options, 'dilations'), padsOf(options)];
  const group = options.group?.i ?? 1;
  const [features = 0, own = 0] = k.dims;
  const [images, weights] = [new Grid(a.dims, a.data), new Grid(k.dims, k.data)];
  const y = new Grid([a.dims[0]!, features, ...outputOf(a.dims.slice(2), options)]);
  if (a.dims[1] !== own * group) throw new Error(`${a.dims[1]} channels for ${group} groups of ${own}`);
  for (const [n, f, i, j] of places(y.dims) as Iterable<[number, number, number, number]>) {
    let sum = b?.data[f] ?? 0;
    const first = Math.floor(f / (features / group)) * own;
    for (const [c, r, q] of places(k.dims.slice(1)) as Iterable<[number, number, number]>) {
      const place = [i * stride[0] + r * dilation[0] - pads[0], j * stride[1] + q * dilation[1] - pads[1]];
      sum += images.get([n, first + c, ...place]) * weights.get([f, c, r, q]);
    }
    y.add([n, f, i, j], sum);
  }
  return y;
};

const convTranspose: Operation = ([x, w, b], options) => {
  const [a, k] = [x as Numbers, w as Numbers];
  const [stride, dilation, pads] = [ints(options, 'strides'), ints(options, 'dilations'), padsOf(options)];
  const [kernel, more] = [ints(options, 'kernel_shape'), ints(options, 'output_padding')];
  const group = options.group?.i ?? 1;
  const [channels = 0, own = 0] = k.dims;
  const sizes = [0, 1].map((d) => {
    const reach = dilation[d]! * (kernel[d]! - 1) + 1;
    return stride[d]! * (a.dims[d + 2]! - 1) + more[d]! + reach - pads[d]! - pads[d + 2]!;
  });
  const [images, weights] = [new Grid(a.dims, a.data), new Grid(k.dims, k.data)];
  const y = new Grid([a.dims[0]!, own * group, ...sizes]);
  for (const index of places(y.dims)) y.add(index, b?.data[index[1]!] ?? 0);
  for (const [n, c, i, j] of places(a.dims) as Iterable<[number, number, number, number]>) {
    const first = Math.floor(c / (channels / group)) * own;
    for (const [f, r, q] of places(k.dims.slice(1)) as Iterable<[number, number, number]>) {
      const place = [i * stride[0] + r * dilation[0] - pads[0], j * stride[1] + q * dilation[1] - pads[1]];
      y.add([n, first + f, ...place], images.get([n, c, i, j]) * weights.get([c, f, r, q]));
    }
  }
  return y;
};

const maxPool: Operation = ([x], options) => {
  const a = x as Numbers;
  const [kernel, stride, dilation] = ['kernel_shape', 'strides', 'dilations'].map((name) => ints(options, name));
  const pads = padsOf(options);
  if (pads.some((side, i) => side >= kernel![i % 2]!)) throw new Error('pads must be below the kernel');
  const images = new Grid(a.dims, a.data);
  const dims = [...a.dims.slice(0, 2), ...outputOf(a.dims.slice(2), options)];
  const [most, where]: [number[], number[]] = [[], []];
  for (const [n, c, i, j] of places(dims) as Iterable<[number, number, number, number]>) {
    let best = -1;
    for (const [r, q] of places(kernel!) as Iterable<[number, number]>) {
      const at = images.at([
        n,
        c,
        i * stride![0]! + r * dilation![0]! - pads[0],
        j * stride![1]! + q * dilation![1]! - pads[1],
      ]);
      if (at >= 0 && (best < 0 || images.data[at]! > images.data[best]!)) best = at;
    }
    most.push(images.data[best] as number);
    where.push(best);
  }
  return [
    { dims, data: most },
    { dims, data: where },
  ];
};

/** base with updates added at places: `flat` gives where each goes. */
function scattered(base: Numbers, updates: Numbers, options: Options, flat: (i: number) => number): Numbers {
  const reduction = new TextDecoder().decode(options.reduction?.s);
  if (reduction !== 'add') throw new Error(`the reduction ${reduction} is not written here`);
  const data = [...base.data];
  updates.data.forEach((value, i) => {
    data[flat(i)] = (data[flat(i)] as number) + value;
  });
  return { dims: base.dims, data };
}

export const imageOperators: Readonly<Record<string, Operation>> = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  ScatterND: ([base, places, updates], options) => {
    const { dims, data } = places as Numbers;
    if (dims.at(-1) !== 1) throw new Error('only places of the first axis');
    const width = (base as Numbers).dims.slice(1).reduce((a, b) => a * b, 1);
    return scattered(
      base as Numbers,
      updates as Numbers,
      options,
      (i) => (data[Math.floor(i / width)] as number) * width + (i % width),
    );
  },
  ScatterElements: ([base, places, updates], options) => {
    if ((base as Numbers).dims.length !== 1) throw new Error('only of one axis');
    return scattered(base as Numbers, updates as Numbers, options, (i) => (places as Numbers).data[i] as number);
  },
};
