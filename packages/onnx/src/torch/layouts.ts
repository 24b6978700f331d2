import type { Module } from '@latent/nn';
import { formatShape, type Shape, sameShape, type Tensor, ValueError } from '@latent/tensor';
import type { NamedTensors } from '../files/tensors.ts';

/** A tensor of a layer as PyTorch has it: its name there, and how its numbers lie. */
export interface TorchTensor {
  /** Its name there; ours by default. */
  readonly name?: string;
  /** Ours is theirs with these axes in this order; the same by default. */
  readonly axes?: readonly number[];
}

const recurrent = { weight_ih: {}, weight_hh: {}, bias_ih: {}, bias_hh: {} };

/**
 * How the tensors of our layers stand in PyTorch's state dictionaries, by the layer's `type` and the tensor's name; those not
 * named here are the same there. A layer with a row must name all of its tensors, so that none is forgotten.
 */
export const TORCH_LAYOUTS: Readonly<Record<string, Readonly<Record<string, TorchTensor>>>> = {
  // nn.Linear: weight [out, in], bias [out].
  Linear: { weight: {}, bias: {} },
  // nn.LayerNorm: weight and bias [features]; nn.RMSNorm: weight; nn.GroupNorm and nn.BatchNorm: [channels].
  LayerNorm: { weight: {}, bias: {} },
  RmsNorm: { weight: {} },
  ScaleNorm: { weight: {} },
  GroupNorm: { weight: {}, bias: {} },
  BatchNorm: { weight: {}, bias: {}, running_mean: {}, running_var: {}, num_batches_tracked: {} },
  // nn.Conv1d, nn.Conv2d: weight [out, in/groups, …kernel]; transposed [in, out/groups, …kernel]; bias [out].
  Conv1d: { weight: {}, bias: {} },
  Conv2d: { weight: {}, bias: {} },
  ConvTranspose1d: { weight: {}, bias: {} },
  ConvTranspose2d: { weight: {}, bias: {} },
  // nn.LSTM, nn.GRU, nn.RNN: one of each for every layer and direction.
  Lstm: recurrent,
  Gru: recurrent,
  Rnn: recurrent,
  // nn.MultiheadAttention: q, k and v in one matrix; `out_proj` is a layer of its own.
  MultiHeadAttention: { in_proj_weight: {}, in_proj_bias: {} },
  // nn.Embedding, of things or of steps: weight [count, width].
  Embedding: { weight: {} },
  Positions: { weight: {} },
};

/** The row of a layer's tensor: that of its name, without the number of a layer and its direction. */
export function torchTensor(type: string, name: string): TorchTensor | undefined {
  const row = Object.hasOwn(TORCH_LAYOUTS, type) ? TORCH_LAYOUTS[type] : undefined;
  const plain = name.replace(/_l\d+(_reverse)?$/, '');
  return row !== undefined && Object.hasOwn(row, plain) ? row[plain] : undefined;
}

/** One tensor of a module, ours and theirs. */
interface Pair {
  readonly ours: string;
  readonly theirs: string;
  readonly tensor: Tensor;
  readonly axes: readonly number[] | null;
}

function pairsOf(module: Module): Pair[] {
  const layers = new Map([...module.namedModules()]);
  return module.namedTensors().map(([ours, tensor]) => {
    const at = ours.lastIndexOf('.');
    const [path, own] = at < 0 ? ['', ours] : [ours.slice(0, at), ours.slice(at + 1)];
    const type = layers.get(path)?.type ?? '';
    const layout = torchTensor(type, own);
    const theirs = layout?.name ?? own;
    return { ours, theirs: path === '' ? theirs : `${path}.${theirs}`, tensor, axes: layout?.axes ?? null };
  });
}

/** The shape under which PyTorch has a tensor. */
function shapeThere({ tensor, axes }: Pair): Shape {
  if (axes === null) return tensor.shape;
  const shape: number[] = [];
  axes.forEach((axis, i) => {
    shape[axis] = tensor.shape[i] as number;
  });
  return shape;
}

/**
 * A module's numbers under PyTorch's names and in its layouts, for `encodeSafetensors`: what `load_state_dict` takes of an
 * `nn.Sequential` of the same layers.
 */
export function torchStateDict(module: Module): Record<string, Tensor> {
  return Object.fromEntries(
    pairsOf(module).map(({ theirs, tensor, axes }) => [
      theirs,
      axes === null ? tensor.clone() : tensor.transpose(axes.map((_, axis) => axes.indexOf(axis))).clone(),
    ]),
  );
}

/**
 * Takes over the numbers of a PyTorch state dictionary, from `decodeTorch` or a safetensors file: exactly the module's tensors,
 * under PyTorch's names and in its layouts; else nothing changes. `rename` gives the name in this module for one of the file (null to
 * leave it out).
 */
export function loadTorch(
  module: Module,
  state: NamedTensors,
  options: { readonly rename?: (name: string) => string | null } = {},
): void {
  const { rename = (name) => name } = options;
  const pairs = new Map(pairsOf(module).map((pair) => [pair.theirs, pair]));
  const own: Record<string, Tensor> = {};
  for (const theirs of Object.keys(state)) {
    const name = rename(theirs);
    if (name === null) continue;
    const pair = pairs.get(name);
    const given = state[theirs] as Tensor;
    if (pair !== undefined && !sameShape(given.shape, shapeThere(pair))) {
      throw new ValueError(
        `loadTorch: ${theirs} must be ${formatShape(shapeThere(pair))}, got ${formatShape(given.shape)}; rename says which tensor of the module it is`,
      );
    }
    own[pair?.ours ?? name] = pair?.axes ? given.transpose(pair.axes) : given;
  }
  module.loadStateDict(own);
}
