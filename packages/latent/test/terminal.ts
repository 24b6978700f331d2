import { run } from '../src/run.ts';
import type { Terminal } from '../src/terminal/terminal.ts';

/** What a command line did. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly bytes: Uint8Array;
  readonly said: string;
}

/** Runs a command line in this process: what comes in, what goes out. */
export async function latent(
  words: readonly string[],
  options: { readonly input?: string | Uint8Array; readonly interrupted?: boolean } = {},
): Promise<Ran> {
  const parts: Uint8Array[] = [];
  const said: string[] = [];
  const { input = '', interrupted = false } = options;
  const encoder = new TextEncoder();
  const terminal: Terminal = {
    input: (async function* () {
      yield typeof input === 'string' ? encoder.encode(input) : input;
    })(),
    out: async (text) => {
      parts.push(typeof text === 'string' ? encoder.encode(text) : text);
    },
    say: (text) => said.push(text),
    watched: false,
    colours: false,
    onInterrupt(callback) {
      if (interrupted) setTimeout(callback, 0);
      return () => {};
    },
  };
  const code = await run(words, terminal);
  const bytes = new Uint8Array(Buffer.concat(parts));
  return { code, bytes, out: new TextDecoder().decode(bytes), said: said.join('\n') };
}
