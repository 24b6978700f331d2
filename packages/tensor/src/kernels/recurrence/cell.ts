import { constant, type Expr, input, select } from '../../expr/expr.ts';

/**
 * What of a step's row [xₜ, 1, hₜ₋₁] a column of pre-activations is a product of: all of it (x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh),
 * the input's part (x·W_ihᵀ + b_ih), or the state's (h·W_hhᵀ + b_hh).
 */
export type Part = 'all' | 'input' | 'state';

/** A column of pre-activations: of which gate's weights, and which part of the row. */
export interface Column {
  readonly gate: number;
  readonly part: Part;
}

/**
 * A recurrent cell as data: what one step makes of pre-activations and states, elementwise over the units, and how gradients
 * go back. Gates are in the order of their rows in the weights, which is PyTorch's. The first state is h, which is put out and
 * multiplied by the recurrent weights.
 */
export interface Cell {
  readonly name: string;
  readonly gates: number;
  readonly columns: readonly Column[];
  /** How many states go from step to step. */
  readonly states: number;
  /** Of columns, then old states: what is kept for the way back. */
  readonly kept: readonly Expr[];
  /** Of columns, then old states: the new states. */
  readonly next: readonly Expr[];
  /** Of what was kept, then the gradients to the new states: the gradients to the columns. */
  readonly columnGradients: readonly Expr[];
  /** The same for the old states, without what the products bring to h. */
  readonly stateGradients: readonly Expr[];
}

function inputs(count: number): Expr[] {
  return Array.from({ length: count }, (_, i) => input(i));
}

const one = /* @__PURE__ */ constant(1);
/** g·y·(1 − y): back through a sigmoid whose value was y. */
const throughSigmoid = (g: Expr, y: Expr): Expr => g.mul(y.mul(one.sub(y)));
/** g·(1 − y²): back through a tanh. */
const throughTanh = (g: Expr, y: Expr): Expr => g.mul(one.sub(y.mul(y)));

/** c′ = f⊙c + i⊙g, h′ = o⊙tanh c′ (Hochreiter & Schmidhuber 1997; Gers et al. 2000). */
function lstm(): Cell {
  const [ai, af, ag, ao, , c] = inputs(6) as [Expr, Expr, Expr, Expr, Expr, Expr];
  const [i, f, g, o] = [ai.sigmoid(), af.sigmoid(), ag.tanh(), ao.sigmoid()];
  const next = f.mul(c).add(i.mul(g));
  const squashed = next.tanh();

  const [ki, kf, kg, ko, kc, kt, dh, dNext] = inputs(8) as [Expr, Expr, Expr, Expr, Expr, Expr, Expr, Expr];
  const dc = throughTanh(dh.mul(ko), kt).add(dNext);
  return {
    name: 'lstm',
    gates: 4,
    columns: [0, 1, 2, 3].map((gate) => ({ gate, part: 'all' })),
    states: 2,
    kept: [i, f, g, o, c, squashed],
    next: [o.mul(squashed), next],
    columnGradients: [
      throughSigmoid(dc.mul(kg), ki),
      throughSigmoid(dc.mul(kc), kf),
      throughTanh(dc.mul(ki), kg),
      throughSigmoid(dh.mul(kt), ko),
    ],
    stateGradients: [constant(0), dc.mul(kf)],
  };
}

/**
 * n = tanh(x·W_inᵀ + b_in + r⊙(h·W_hnᵀ + b_hn)), h′ = (1 − z)⊙n + z⊙h: the form of cuDNN and PyTorch, in which the reset gate
 * acts after the product (Cho et al. 2014).
 */
function gru(): Cell {
  const [ar, az, xn, hn, h] = inputs(5) as [Expr, Expr, Expr, Expr, Expr];
  const [r, z] = [ar.sigmoid(), az.sigmoid()];
  const n = xn.add(r.mul(hn)).tanh();
  const away = h.sub(n);

  const [kr, kz, kn, khn, kaway, dh] = inputs(6) as [Expr, Expr, Expr, Expr, Expr, Expr];
  const dn = throughTanh(dh.mul(one.sub(kz)), kn);
  return {
    name: 'gru',
    gates: 3,
    columns: [
      { gate: 0, part: 'all' },
      { gate: 1, part: 'all' },
      { gate: 2, part: 'input' },
      { gate: 2, part: 'state' },
    ],
    states: 1,
    kept: [r, z, n, hn, away],
    next: [n.add(z.mul(away))],
    columnGradients: [throughSigmoid(dn.mul(khn), kr), throughSigmoid(dh.mul(kaway), kz), dn, dn.mul(kr)],
    stateGradients: [dh.mul(kz)],
  };
}

/** h′ = act(x·W_ihᵀ + b_ih + h·W_hhᵀ + b_hh) (Elman 1990). */
function elman(name: string, act: (x: Expr) => Expr, through: (g: Expr, y: Expr) => Expr): Cell {
  const [a] = inputs(1) as [Expr];
  const [kept, dh] = inputs(2) as [Expr, Expr];
  return {
    name,
    gates: 1,
    columns: [{ gate: 0, part: 'all' }],
    states: 1,
    kept: [act(a)],
    next: [act(a)],
    columnGradients: [through(dh, kept)],
    stateGradients: [constant(0)],
  };
}

export const lstmCell: Cell = /* @__PURE__ */ lstm();
export const gruCell: Cell = /* @__PURE__ */ gru();
export const tanhCell: Cell = /* @__PURE__ */ elman('rnnTanh', (x) => x.tanh(), throughTanh);
export const reluCell: Cell = /* @__PURE__ */ elman(
  'rnnRelu',
  (x) => select(x.lt(0), 0, x),
  (g, y) => select(constant(0).lt(y), g, 0),
);

/** The columns that the recurrent weights have a part in, in the order of the gates. */
export function recurrentColumns(cell: Cell): readonly number[] {
  return gateColumns(cell, 'input');
}

/** The columns that the input's weights have a part in, in the order of the gates: always the first ones. */
export function inputColumns(cell: Cell): readonly number[] {
  return gateColumns(cell, 'state');
}

function gateColumns({ columns }: Cell, without: Part): readonly number[] {
  return columns.flatMap(({ part }, i) => (part === without ? [] : [i]));
}
