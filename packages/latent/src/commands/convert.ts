import { convert as converted } from '@latent/onnx/convert';
import { LatentError } from '@latent/tensor';
import { bytesOf, nameOf } from '../files/bytes.ts';
import { DataFault, EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command } from './command.ts';
import { writeText } from './output.ts';

const TARGETS = ['safetensors', 'npz', 'npy'] as const;

export const convert: Command = {
  summary: 'Tensors of ONNX, PyTorch, TensorFlow.js, NumPy or safetensors files as another file',
  args: {
    file: { type: 'positional', required: true, description: 'A file of tensors, or -' },
    out: {
      type: 'string',
      alias: 'o',
      required: true,
      valueHint: 'file',
      description: 'Where they go; - for the output',
    },
    to: { type: 'string', valueHint: TARGETS.join('|'), description: 'By the name of --out by default' },
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const [path, out] = [call.needed('file'), call.needed('out')];
    const byName = TARGETS.find((name) => out.toLowerCase().endsWith(`.${name}`));
    const to = call.choice('to', TARGETS) ?? byName ?? 'safetensors';
    const bytes = await bytesOf(path, terminal);
    let result: Uint8Array;
    try {
      result = await converted(bytes, { to });
    } catch (error) {
      if (error instanceof LatentError) throw new DataFault(`${nameOf(path)}: ${error.message}`);
      throw error;
    }
    if (out === '-') await terminal.out(result);
    else await writeText(out, result);
    return EXIT.fine;
  },
};
