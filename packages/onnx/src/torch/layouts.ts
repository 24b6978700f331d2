import type { Module } from '@latent/nn';
import type { Tensor } from '@latent/tensor';
import type { NamedTensors } from '../files/tensors.ts';

// Our layers name their tensors as PyTorch's do, and lay them out alike, which the tests hold for every layer.

/**
 * A module's numbers under PyTorch's names and in its layouts, for `encodeSafetensors`: what `load_state_dict` takes of an
 * `nn.Sequential` of the same layers.
 */
export function torchStateDict(module: Module): Record<string, Tensor> {
  return module.stateDict();
}

/**
 * Takes over the numbers of a PyTorch state dictionary, from `decodeTorch` or a safetensors file: exactly the module's tensors,
 * under PyTorch's names and in its layouts; else nothing changes. `rename` gives the name in this module for one of the file (null to
 * leave it out, unread).
 */
export function loadTorch(
  module: Module,
  state: NamedTensors,
  options: { readonly rename?: (name: string) => string | null } = {},
): void {
  module.loadStateDict(state, options);
}
