// A library for JavaScript as a process that is told what to prepare and how often to run it, as pytorch.py is:
// node process.js MODULE BACKEND.
import { createInterface } from 'node:readline';
import { testData } from '../contender.ts';
import { waves } from '../sequences.ts';
import { time } from '../timing.ts';

const [module, backend] = process.argv.slice(2);
const answer = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
// One line, without the path of who asked for what is not there.
const failure = (error) => ({ error: String(error?.message ?? error).split(/\n| imported from /)[0] });
// What libraries say of themselves is no answer.
for (const name of ['log', 'info']) console[name] = console.error;

const contender = await import(`./${module}.js`)
  .then(({ create }) => create(backend, { testData, waves }))
  .catch((error) => {
    answer(failure(error));
    process.exit();
  });
answer({ version: contender.version });

const prepared = [];
for await (const line of createInterface({ input: process.stdin })) {
  try {
    answer(await handle(JSON.parse(line)));
  } catch (error) {
    answer(failure(error));
  }
}

async function handle({ prepare, of, run, repeats, byProcessor }) {
  if (run !== undefined) return time(prepared[run], repeats, byProcessor);
  if (prepare === undefined) return { peak: process.resourceUsage().maxRSS * 1024 };
  prepared.push(await contender[prepare](of));
  return { id: prepared.length - 1 };
}
