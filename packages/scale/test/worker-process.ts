import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const command = fileURLToPath(new URL('../src/latent-worker.ts', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/** Where a worker process works, and options of its command line. */
export interface WorkerProcessOptions {
  readonly connection: string;
  readonly store: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A worker in a process of its own, as a user starts it, from source. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  #said = '';
  readonly #ready: Promise<void>;
  /** Its exit code, or what killed it. */
  readonly ended: Promise<number | string | null>;

  constructor({ connection, store, args = [], env = {} }: WorkerProcessOptions) {
    // Of an option given twice the last counts, so `args` may have another lock.
    const given = ['--connection', connection, '--store', store, '--lock', '1', ...args];
    this.#child = spawn(process.execPath, ['--import', tsx, '--conditions=source', command, ...given], {
      env: { ...process.env, NODE_NO_WARNINGS: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.ended = new Promise((resolve) => this.#child.on('close', (code, signal) => resolve(signal ?? code)));
    this.#ready = new Promise((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        this.#said += chunk.toString();
        if (this.#said.includes('at work')) resolve();
      };
      this.#child.stdout?.on('data', hear);
      this.#child.stderr?.on('data', hear);
      void this.ended.then((code) => reject(new Error(`the worker ended with ${code} and said: ${this.#said}`)));
    });
    this.#ready.catch(() => {});
  }

  /** All that it printed. */
  get said(): string {
    return this.#said;
  }

  /** Resolves when it takes jobs. */
  ready(): Promise<void> {
    return this.#ready;
  }

  /** Resolves when it has said something. */
  async says(text: string): Promise<void> {
    while (!this.#said.includes(text)) {
      if (this.#child.exitCode !== null) throw new Error(`the worker ended and said: ${this.#said}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async end(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<number | string | null> {
    if (this.#child.exitCode === null) this.#child.kill(signal);
    return this.ended;
  }
}
