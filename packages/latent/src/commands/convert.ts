import { readFile } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import { convert as converted, fileFormat } from '@latent/onnx/convert';
import { LatentError } from '@latent/tensor';
import { bytesOf, nameOf } from '../files/bytes.ts';
import { DataFault, EXIT, UsageFault } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command } from './command.ts';
import { jsonText, writeText } from './output.ts';

const TARGETS = ['safetensors', 'npz', 'npy'] as const;

export const convert: Command = {
  summary: 'Tensors of ONNX, PyTorch, TensorFlow.js, NumPy or safetensors files as another file',
  args: {
    file: {
      type: 'positional',
      required: true,
      description: 'A file of tensors, or -; of TensorFlow.js its model.json, beside its other files',
    },
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
    const to = call.choice('to', TARGETS) ?? TARGETS.find((name) => out.toLowerCase().endsWith(`.${name}`));
    if (to === undefined) {
      throw new UsageFault(
        `convert: the name ${out} does not say what to write; end it in .${TARGETS.join(', .')}, or give --to`,
      );
    }
    const bytes = await bytesOf(path, terminal);
    let result: Uint8Array;
    try {
      const shards = fileFormat(bytes) === 'tfjs' ? await shardsOf(path, bytes) : undefined;
      result = await converted(bytes, { to, ...(shards !== undefined && { shards }) });
    } catch (error) {
      if (error instanceof LatentError) throw new DataFault(`${nameOf(path)}: ${error.message}`);
      throw error;
    }
    if (out === '-') {
      await terminal.out(result);
      return EXIT.fine;
    }
    await writeText(out, result);
    if (call.flag('json')) await terminal.out(jsonText({ file: out, bytes: result.length }));
    if (!call.flag('quiet')) terminal.say(`${out}: ${result.length} bytes`);
    return EXIT.fine;
  },
};

/** The binary files that a `model.json` names, in its own folder. */
async function shardsOf(path: string, json: Uint8Array): Promise<Record<string, Uint8Array>> {
  if (path === '-') throw new UsageFault('convert: a model.json has files beside it; give its path');
  const folder = resolve(dirname(path));
  const shards: Record<string, Uint8Array> = {};
  for (const name of pathsOf(json)) {
    const file = resolve(folder, name);
    if (relative(folder, file).startsWith('..')) throw new DataFault(`${path} names ${name}, which is not beside it`);
    shards[name] = await readFile(file).catch((error: Error) => {
      throw new DataFault(`${path} needs ${name} beside it: ${error.message}`);
    });
  }
  return shards;
}

/** The paths in a manifest; whoever reads its tensors says what is wrong with it. */
function pathsOf(json: Uint8Array): readonly string[] {
  try {
    const { weightsManifest = [] } = JSON.parse(new TextDecoder().decode(json)) as {
      weightsManifest?: readonly { readonly paths?: readonly unknown[] }[];
    };
    return weightsManifest.flatMap(({ paths = [] }) => paths).filter((each) => typeof each === 'string');
  } catch {
    return [];
  }
}
