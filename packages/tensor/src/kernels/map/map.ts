import type { DType } from '../../dtype.ts';
import { type ElementLoop, elementLoop } from '../../expr/evaluate.ts';
import { elementAt, view } from '../../memory/linear-memory.ts';
import { elements, type Kernel, type KernelCall, type Layout, LINE, type MapProgram, moved } from '../kernel.ts';
import { FULL, isFlat, layoutExtent, layoutsKey, rowStep, variesAlongColumns } from './layout.ts';
import { elementTime, linkedFunction, linkFunction } from './map-program.ts';
import { defineMap } from './wasm.ts';

/** `out_j[r, c] = expression_j(in_0[r, c], in_1[r, c], …)`, every output `FULL`. An output may be a `FULL` input's buffer. */
export interface MapCall extends KernelCall {
  readonly program: MapProgram;
  readonly rows: number;
  readonly cols: number;
  /** Of each input. */
  readonly layouts: readonly Layout[];
}

export function mapCall(
  program: MapProgram,
  dtype: DType,
  rows: number,
  cols: number,
  pointers: readonly number[],
  layouts: readonly Layout[],
): MapCall {
  return { kernel: mapKernel, dtype, pointers, program, rows, cols, layouts };
}

/** Layouts of so many operands and the number of a kernel still fit one exact integer. */
export const MAX_INPUTS = 20;
/** What `layoutsKey` is multiplied by, so that a program's maps and reductions have keys of their own. */
export const KEYS_PER_LAYOUT = 16;

export const mapKernel: Kernel<MapCall> = {
  name: 'map',
  outputs: ({ program }) => program.expressions.length,

  extents({ program, dtype, rows, cols, layouts }) {
    const out = elements(dtype, rows * cols);
    return [
      ...program.expressions.map(() => out),
      ...layouts.map((layout) => elements(dtype, layoutExtent(layout, rows, cols))),
    ];
  },

  written: ({ dtype, rows, cols }) => elements(dtype, rows * cols).to,

  split(call, share) {
    const { rows, cols, layouts } = call;
    const outputs = call.program.expressions.length;
    const layoutOf = (i: number): Layout => (i < outputs ? FULL : (layouts[i - outputs] as Layout));
    const flat = isFlat(layouts);
    if (flat || rows < share.threads) {
      // As one row; a column vector of several rows cannot be cut between its rows.
      if (!flat && rows !== 1) return share.whole(call);
      const { begin, count } = share.of(rows * cols, LINE);
      const steps = call.pointers.map((_, i) => (variesAlongColumns(layoutOf(i)) ? begin : 0));
      return count === 0 ? null : { ...call, rows: 1, cols: count, pointers: moved(call, steps) };
    }
    const { begin, count } = share.of(rows);
    const steps = call.pointers.map((_, i) => rowStep(layoutOf(i), begin, cols));
    return count === 0 ? null : { ...call, rows: count, pointers: moved(call, steps) };
  },

  nanoseconds: ({ program, rows, cols }) => rows * cols * elementTime(program),

  label: ({ program: { name, expressions }, rows, cols }) =>
    `${name} [${rows}, ${cols}]${expressions.length > 1 ? ` → ${expressions.length}` : ''}`,

  formula: {
    reduces: false,
    writes: () => true,
    of: (call) => call,
    with: (call, { program, rows, cols, layouts }, pointers) => ({ ...call, program, rows, cols, layouts, pointers }),
  },

  reference({ program, dtype, rows, cols, pointers, layouts }) {
    let loop = program.compiled.get('js') as ElementLoop | undefined;
    if (loop === undefined) {
      loop = elementLoop(program.expressions, program.inputs);
      program.compiled.set('js', loop);
    }
    const offsets = pointers.map((pointer) => elementAt(dtype, pointer));
    const rowStrides = layouts.map((layout) => rowStep(layout, 1, cols));
    const colStrides = layouts.map((layout) => layout & 1);
    loop(view(dtype), rows, cols, offsets, rowStrides, colStrides);
  },

  wasm: {
    takes: ({ dtype, layouts }) => dtype === 'f32' && layouts.length <= MAX_INPUTS,

    run({ program, rows, cols, pointers, layouts }, linker) {
      const key = layoutsKey(layouts) * KEYS_PER_LAYOUT;
      const compiled =
        linkedFunction(program, key, linker) ??
        linkFunction(program, key, linker, (module) =>
          defineMap(module, program.expressions, layouts, linker.tile.fused),
        );
      const flat = isFlat(layouts);
      callMap(compiled, flat && rows > 0 ? 1 : rows, flat ? rows * cols : cols, pointers);
    },
  },
};

/** Calls without collecting the arguments in an array, which would be garbage for every kernel call. */
function callMap(
  compiled: (...values: number[]) => undefined,
  rows: number,
  cols: number,
  pointers: readonly number[],
): undefined {
  const p = pointers as number[];
  switch (p.length) {
    case 1:
      return compiled(rows, cols, p[0]!);
    case 2:
      return compiled(rows, cols, p[0]!, p[1]!);
    case 3:
      return compiled(rows, cols, p[0]!, p[1]!, p[2]!);
    case 4:
      return compiled(rows, cols, p[0]!, p[1]!, p[2]!, p[3]!);
    case 5:
      return compiled(rows, cols, p[0]!, p[1]!, p[2]!, p[3]!, p[4]!);
    case 6:
      return compiled(rows, cols, p[0]!, p[1]!, p[2]!, p[3]!, p[4]!, p[5]!);
    case 7:
      return compiled(rows, cols, p[0]!, p[1]!, p[2]!, p[3]!, p[4]!, p[5]!, p[6]!);
    case 8:
      return compiled(rows, cols, p[0]!, p[1]!, p[2]!, p[3]!, p[4]!, p[5]!, p[6]!, p[7]!);
    default:
      return compiled(rows, cols, ...p);
  }
}
