import type { Dims, Graph, Value } from '../graph/graph.ts';
import type { OpRule } from './rules.ts';

// Images are [n, height, width, channels] here, and [n, channels, height, width] in ONNX; a series has height 1.
const TO_THEIRS = [0, 3, 1, 2];
const TO_OURS = [0, 2, 3, 1];

/** How windows lie, along height and width. */
interface Windows {
  readonly input: readonly number[];
  readonly output: readonly number[];
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  /** Before the first element. */
  readonly padding: readonly number[];
  readonly groups?: number;
}

/** What the windows take beyond the input's end; below 0 where they leave some of it out. */
const beyond = ({ input, output, kernel, stride, dilation, padding }: Windows): readonly number[] =>
  input.map(
    (size, d) => (output[d]! - 1) * stride[d]! + dilation[d]! * (kernel[d]! - 1) + 1 - size - padding[d]!, //
  );

/** The options that convolutions and pooling have in common. */
const common = ({ kernel, stride, dilation }: Windows) => ({
  kernel_shape: kernel,
  strides: stride,
  dilations: dilation,
});

/** Nothing stands for a maximum over no element. */
const NOTHING = -Infinity;

/** The maximum of each window and where in the whole operand it lies, in the layout of ONNX. */
function maxima(graph: Graph, x: Value, windows: Windows): readonly [Value, Value] {
  const pads = [...windows.padding, ...beyond(windows).map((after) => Math.max(0, after))];
  const theirs = graph.transpose(x, TO_THEIRS);
  // Runtimes want pads below the kernel, also where a dilated one reaches further.
  const fits = pads.every((side, i) => side < windows.kernel[i % 2]!);
  const [top, left, bottom, right] = pads as [number, number, number, number];
  const padded = fits
    ? theirs
    : graph.node('Pad', [
        theirs,
        graph.whole([0, 0, top, left, 0, 0, bottom, right]),
        graph.constant('float', [], [NOTHING]),
      ]);
  const options = { ...common(windows), pads: fits ? pads : [0, 0, 0, 0] };
  return graph.nodeOf('MaxPool', [padded], options, ['float', 'int64']) as [Value, Value];
}

/** Whether the places that `maxima` gives are places of the operand itself. */
const hasPlaces = (windows: Windows): boolean =>
  [...windows.padding, ...beyond(windows)].every((side, i) => side < windows.kernel[i % 2]!);

/** All elements in a line. */
const line = (graph: Graph, x: Value): Value => graph.node('Reshape', [x, graph.whole([-1])]);

/** A map along an axis: of each place, which places it adds up, with their weights. */
interface Along {
  readonly axis: number;
  readonly map: { readonly size: number; readonly terms: readonly (readonly (readonly [number, number])[])[] };
}

/** Rules of convolutions, pooling and resampling. */
export const imageRules = (): Readonly<Record<string, OpRule>> => ({
  convolution(graph, [x, w, ...bias], { params }) {
    const windows = params as Windows;
    const operands = [graph.transpose(x as Value, TO_THEIRS), graph.transpose(w as Value, [3, 2, 0, 1]), ...bias];
    const pads = [...windows.padding, ...beyond(windows).map((after) => Math.max(0, after))];
    const y = graph.node('Conv', operands, { ...common(windows), pads, group: windows.groups ?? 1 });
    return graph.transpose(y, TO_OURS);
  },
  convolutionTransposed(graph, [y, w, ...bias], { params }) {
    const windows = params as Windows;
    const after = beyond(windows);
    const operands = [graph.transpose(y as Value, TO_THEIRS), graph.transpose(w as Value, [3, 2, 0, 1]), ...bias];
    const x = graph.node('ConvTranspose', operands, {
      ...common(windows),
      pads: [...windows.padding, ...after.map((side) => Math.max(0, side))],
      output_padding: after.map((side) => Math.max(0, -side)),
      group: windows.groups ?? 1,
    });
    return graph.transpose(x, TO_OURS);
  },
  /** A convolution of channels as images, with what comes out as kernels: strides and dilations change places. */
  convolutionWeights(graph, [x, y], { params }) {
    const windows = params as Windows;
    if ((windows.groups ?? 1) !== 1) return null;
    const { kernel, output, stride, dilation } = windows;
    const [height, width] = kernel as [number, number];
    const turned: Windows = { ...windows, kernel: output, output: kernel, stride: dilation, dilation: stride };
    const pads = [...windows.padding, ...beyond(turned).map((after) => Math.max(0, after))];
    const operands = [graph.transpose(x as Value, [3, 0, 1, 2]), graph.transpose(y as Value, [3, 0, 1, 2])];
    const made = graph.node('Conv', operands, { ...common(turned), pads });
    // What no window reaches makes more of it.
    const box = [
      [0, 0],
      [height, width],
      [2, 3],
      [1, 1],
    ].map((numbers) => graph.whole(numbers));
    return graph.transpose(graph.node('Slice', [made, ...box]), [2, 3, 0, 1]);
  },

  maxPool: (graph, [x], { params }) => graph.transpose(maxima(graph, x as Value, params as Windows)[0], TO_OURS),
  maxPick(graph, [x, from], { params }) {
    const windows = params as Windows;
    if (!hasPlaces(windows)) return null;
    const places = maxima(graph, x as Value, windows)[1];
    const picked = graph.node('Gather', [line(graph, graph.transpose(from as Value, TO_THEIRS)), places], { axis: 0 });
    return graph.transpose(picked, TO_OURS);
  },
  maxSpread(graph, [x, from], { params, shapes }) {
    const windows = params as Windows;
    if (!hasPlaces(windows)) return null;
    const places = maxima(graph, x as Value, windows)[1];
    const zeros = graph.node('Mul', [graph.transpose(x as Value, TO_THEIRS), graph.constant('float', [], [0])]);
    const [n, height, width, channels] = shapes[0] as Dims;
    const spread = graph.node(
      'ScatterElements',
      [line(graph, zeros), line(graph, places), line(graph, graph.transpose(from as Value, TO_THEIRS))],
      { axis: 0, reduction: 'add' },
    );
    return graph.transpose(graph.reshape(spread, [n!, channels!, height!, width!]), TO_OURS);
  },

  // One gather for the first term of every place, one for the second, and so on.
  resample(graph, [x], { params, shape }) {
    const { axis, map } = params as Along;
    const taps = Math.max(1, ...map.terms.map((row) => row.length));
    const parts = Array.from({ length: taps }, (_, t) => {
      const places = graph.whole(map.terms.map((row) => row[t]?.[0] ?? 0));
      const weights = map.terms.map((row) => row[t]?.[1] ?? 0);
      const picked = graph.node('Gather', [x as Value, places], { axis });
      if (weights.every((weight) => weight === 1)) return picked;
      const along = [weights.length, ...shape.slice(axis + 1).map(() => 1)];
      return graph.node('Mul', [picked, graph.constant('float', along, weights)]);
    });
    return parts.reduce((sum, part) => graph.node('Add', [sum, part]));
  },
});
