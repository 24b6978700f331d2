import { exportOnnx } from '@latent/onnx';
import { LatentError } from '@latent/tensor';
import { modelFromBytes } from '@latent/vae';
import { bytesOf, nameOf } from '../files/bytes.ts';
import { DataFault, EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command } from './command.ts';
import { writeText } from './output.ts';

export const exporting: Command = {
  summary: 'A model of @latent/vae as an ONNX file',
  args: {
    model: {
      type: 'positional',
      required: true,
      description: 'The file of a Vae, Autoencoder, Classifier or Regressor',
    },
    graph: {
      type: 'string',
      valueHint: 'part',
      description: 'encoder, decoder, elbo, detector, …; of a classifier prediction',
    },
    threshold: { type: 'string', valueHint: 'score', description: 'Of a detector: scores above it are anomalies' },
    out: { type: 'string', alias: 'o', valueHint: 'file', description: 'model.onnx by default; - for the output' },
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const out = call.text('out') ?? 'model.onnx';
    const threshold = call.number('threshold');
    const graph = call.text('graph');
    const path = call.needed('model');
    const model = modelOf(path, await bytesOf(path, terminal));
    const bytes = exportOnnx(model, {
      ...(graph !== undefined && { graph }),
      ...(threshold !== undefined && { threshold }),
    });
    if (out === '-') await terminal.out(bytes);
    else await writeText(out, bytes);
    if (!call.flag('quiet') && out !== '-') terminal.say(`${out}: ${bytes.length} bytes`);
    return EXIT.fine;
  },
};

function modelOf(path: string, bytes: Uint8Array): ReturnType<typeof modelFromBytes> {
  try {
    return modelFromBytes(bytes);
  } catch (error) {
    if (!(error instanceof LatentError)) throw error;
    throw new DataFault(`${nameOf(path)} is no model of @latent/vae: ${error.message}`);
  }
}
