import { embedding, gru, type KerasRecurrent, type LayerSpec, lstm, recurrentFromKeras, repeat, rnn } from '@latent/nn';
import { ValueError } from '@latent/tensor';
import { inShort } from '../files/tensors.ts';
import { only, plain, sizes, type TfjsLayer, type TfjsRule } from './rule.ts';
import { CALLER } from './weights.ts';

/** A recurrent layer with its weights, gates in another order. */
const recurrent =
  (
    kind: KerasRecurrent,
    make: (units: number, options: { readonly returnSequences: boolean }, layer: TfjsLayer) => LayerSpec,
  ): TfjsRule =>
  (layer) => {
    const { name, config, weight } = layer;
    if (kind !== 'rnn') {
      only(layer, 'activation', 'tanh');
      // The default there is an approximation by three lines.
      if (config.recurrent_activation !== 'sigmoid') {
        const given = inShort(config.recurrent_activation ?? 'hardSigmoid');
        throw new ValueError(`${CALLER}: layer '${name}' has recurrent_activation ${given}; ours has sigmoid`);
      }
    }
    for (const option of ['go_backwards', 'stateful', 'return_state']) only(layer, option, false);
    const given = config.use_bias === false ? {} : { bias: weight('bias') };
    const [kernel, recurrentKernel] = [weight('kernel'), weight('recurrent_kernel')];
    const tensors = Object.values(recurrentFromKeras(kind, { kernel, recurrentKernel, ...given }));
    const spec = make(recurrentKernel.shape[0] as number, { returnSequences: config.return_sequences === true }, layer);
    return [{ name, spec, tensors }];
  };

/** The layers of sequences by their class names. */
export const TFJS_SEQUENCE_LAYERS: Readonly<Record<string, TfjsRule>> = {
  LSTM: recurrent('lstm', (units, options) => lstm(units, options)),
  GRU: recurrent('gru', (units, options, { config }) =>
    gru(units, { ...options, resetAfter: config.reset_after === true }),
  ),
  SimpleRNN: recurrent('rnn', (units, options, layer) => {
    const { activation = 'tanh' } = layer.config;
    if (activation !== 'relu') only(layer, 'activation', 'tanh');
    return rnn(units, { ...options, activation: activation === 'relu' ? 'relu' : 'tanh' });
  }),
  RepeatVector: (layer) => [plain(layer.name, repeat(sizes(layer, 'n', 1, 1)[0] as number))],
  Embedding(layer) {
    only(layer, 'mask_zero', false);
    const table = layer.weight('embeddings');
    const [size = 1, width = 1] = table.shape;
    return [{ name: layer.name, spec: embedding(size, width), tensors: [table] }];
  },
};
