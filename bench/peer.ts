import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Contender, Timed, Work } from './contender.ts';

/** A program that is told what to prepare and how often to run it: `peers/process.js` or `peers/pytorch.py`, which says how. */
export interface PeerProgram {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  readonly environment?: Readonly<Record<string, string>>;
}

export type Peer = Contender & {
  /** Bytes, resident. */
  peakMemory(): Promise<number>;
};

/** A run did not end in the time that it was given, and was stopped. */
export class Stopped extends Error {
  readonly milliseconds: number;

  constructor(milliseconds: number) {
    super(`stopped after ${milliseconds / 1000} s`);
    this.milliseconds = milliseconds;
  }
}

/** Starts a peer in a process of its own, in which what runs longer than `limit` milliseconds can be stopped: then it starts anew. */
export async function startPeer({ name, command, environment }: PeerProgram, limit: number): Promise<Peer> {
  let started: Started | null = null;
  const ask = async (request: object): Promise<Answer> => {
    started ??= await start(command, environment);
    try {
      return await started.answer(request, limit);
    } catch (error) {
      if (started.ended()) started = null;
      throw error;
    }
  };
  const prepare = async (what: string, of: object): Promise<Work> => {
    const { id } = await ask({ prepare: what, of });
    const { child } = started as unknown as Started;
    return {
      async timed(repeats, byProcessor = false) {
        if (started?.child !== child) throw new Error('its process ended');
        return (await ask({ run: id, repeats, byProcessor })) as unknown as Timed;
      },
    };
  };
  started = await start(command, environment);
  const { version } = started;
  return {
    name,
    ...(version !== undefined && { version }),
    matmul: (config) => prepare('matmul', config),
    elementwise: (config) => prepare('elementwise', config),
    vaeStep: (config) => prepare('vaeStep', config),
    scoreRow: (config) => prepare('scoreRow', config),
    image: (work) => prepare('image', work),
    sequence: (work) => prepare('sequence', work),
    peakMemory: async () => (await ask({ memory: true })).peak as number,
    close: () => started?.child.kill('SIGKILL'),
  };
}

type Answer = Readonly<Record<string, number>>;

interface Started {
  readonly child: ReturnType<typeof spawn>;
  readonly version?: string;
  answer(request: object, limit: number): Promise<Answer>;
  ended(): boolean;
}

/** In which a library must be loaded. */
const START_MS = 60_000;

async function start(
  [program, ...args]: PeerProgram['command'],
  environment: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...environment } });
  const { stdin, stdout } = child;
  // It is killed at the end, and does not keep this process from ending; while it is asked, its answer does.
  child.unref();
  const handles = [stdin, stdout] as unknown as readonly { unref(): void; ref(): void }[];
  for (const handle of handles) handle.unref();
  // What is written to a process that has ended: that it has says its output.
  stdin.on('error', () => {});
  let ended = false;
  const lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
  const line = async (limit: number): Promise<Record<string, unknown>> => {
    let stopped = false;
    const timer = setTimeout(() => {
      stopped = child.kill('SIGKILL');
    }, limit);
    handles[1]?.ref();
    const { value, done } = await lines.next();
    handles[1]?.unref();
    clearTimeout(timer);
    if (done) {
      ended = true;
      throw stopped ? new Stopped(limit) : new Error('its process ended');
    }
    const answer = JSON.parse(value as string) as Record<string, unknown>;
    if (typeof answer.error === 'string') throw new Error(answer.error);
    return answer;
  };
  const { version } = await line(START_MS);
  return {
    child,
    ...(typeof version === 'string' && { version }),
    async answer(request, limit) {
      stdin.write(`${JSON.stringify(request)}\n`);
      return (await line(limit)) as Answer;
    },
    ended: () => ended,
  };
}
