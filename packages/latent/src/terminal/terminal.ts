import { plainText } from './words.ts';

/** Where a command reads and writes: data on `out`, words on `err`. */
export interface Terminal {
  /** The bytes that come in. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Writes data; waits while the reader is slow. */
  out(text: string | Uint8Array): Promise<void>;
  /** Says something to the person. */
  say(text: string): void;
  /** Whether a person watches, so that a line may be drawn over. */
  readonly watched: boolean;
  readonly colours: boolean;
  /** Calls back at the first Ctrl-C; the second ends the process. Returns how to stop listening. */
  onInterrupt(callback: () => void): () => void;
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  return {
    input: stdin as AsyncIterable<Uint8Array>,
    out: (text) =>
      new Promise((resolve, reject) => {
        stdout.write(text, (error) => (error ? reject(error) : resolve()));
      }),
    say: (text) => {
      stderr.write(`${plainText(text)}\n`);
    },
    watched: stderr.isTTY === true,
    colours: stderr.isTTY === true && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb',
    onInterrupt(callback) {
      const listener = (): void => {
        process.off('SIGINT', listener);
        process.off('SIGTERM', listener);
        callback();
      };
      process.on('SIGINT', listener);
      process.on('SIGTERM', listener);
      return () => {
        process.off('SIGINT', listener);
        process.off('SIGTERM', listener);
      };
    },
  };
}
