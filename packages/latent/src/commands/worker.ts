// So that members of tables' models are known.
import '@latent/tables';
import { tableKind } from '../files/records.ts';
import { EXIT } from '../terminal/fault.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { type Call, COMMON, type Command, scaleOut } from './command.ts';
import { WORKERS, workersPlace } from './training.ts';

export const worker: Command = {
  summary: 'Work for others: take the jobs of latent train and score --workers until told to stop',
  args: {
    connection: { type: 'positional', required: true, description: 'redis://… or postgres://…' },
    store: WORKERS.store,
    data: {
      type: 'string',
      valueHint: 'place',
      description: 'A folder or https://… prefix that rows may be read from; may be repeated',
    },
    threads: { type: 'string', valueHint: 'number', description: 'Threads of this worker' },
    deterministic: { type: 'boolean', description: 'The same bits on machines of different kinds' },
    lock: {
      type: 'string',
      valueHint: 'seconds',
      description: "A job of a worker that is silent for so long is another's; 30 by default",
    },
    ...COMMON,
  },
  async run(call: Call, terminal: Terminal) {
    const place = workersPlace(call, call.needed('connection'));
    const threads = call.number('threads', { min: 1, max: 64, whole: true });
    const lockSeconds = call.number('lock', { min: 1 });
    const { registerRecordKind, startWorker } = await scaleOut();
    registerRecordKind(tableKind);
    const started = await startWorker({
      ...place,
      ...(threads !== undefined && { threads }),
      ...(lockSeconds !== undefined && { lockSeconds }),
      data: call.list('data'),
      deterministic: call.flag('deterministic'),
      onMessage: (message) => terminal.say(message),
    });
    if (!call.flag('quiet')) terminal.say(`${started.name}: at work`);
    await new Promise<void>((resolve) => {
      terminal.onInterrupt(() => {
        if (!call.flag('quiet')) terminal.say(`${started.name}: stops after the job under way`);
        resolve();
      });
    });
    await started.close();
    return EXIT.fine;
  },
};
