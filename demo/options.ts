import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly epochs: number;
  readonly seed: number;
  readonly out: string;
}

export const HELP = `Trains a variational autoencoder on 8,000 handwritten digits and shows what it learned.

usage: npm run demo -- [options]

  --epochs N   passes over the training data (10); the model with two latents makes three times as many
  --seed N     fixes every random number of the run (0)
  --out DIR    where the pictures and the model go (demo/out)
  --help       this text`;

/** What the command line asks for: options, help, or an error to print. */
export function parseOptions(args: readonly string[]): { options: DemoOptions } | { help: true } | { error: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      strict: true,
      allowPositionals: false,
      options: {
        epochs: { type: 'string', default: '10' },
        seed: { type: 'string', default: '0' },
        out: { type: 'string', default: 'demo/out' },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return { help: true };
    const whole = (name: 'epochs' | 'seed', least: number): number => {
      const value = Number(values[name]);
      if (!/^\d+$/.test(values[name] as string) || !Number.isSafeInteger(value) || value < least) {
        throw new Error(`--${name} must be a whole number ≥ ${least}, got '${values[name]}'`);
      }
      return value;
    };
    return { options: { epochs: whole('epochs', 1), seed: whole('seed', 0), out: values.out as string } };
  } catch (error) {
    return { error: (error as Error).message };
  }
}
