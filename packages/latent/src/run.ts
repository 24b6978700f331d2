import { LatentError, nearestName } from '@latent/tensor';
import { type ArgsDef, type CommandDef, renderUsage } from 'citty';
import { card } from './commands/card.ts';
import { Call, type Command } from './commands/command.ts';
import { convert } from './commands/convert.ts';
import { drift } from './commands/drift.ts';
import { explain } from './commands/explain.ts';
import { exporting } from './commands/export.ts';
import { impute } from './commands/impute.ts';
import { inspect } from './commands/inspect.ts';
import { quality } from './commands/quality.ts';
import { report } from './commands/report.ts';
import { score } from './commands/score.ts';
import { serve } from './commands/serve.ts';
import { synthesize } from './commands/synthesize.ts';
import { train } from './commands/train.ts';
import { worker } from './commands/worker.ts';
import { DataFault, EXIT, UsageFault } from './terminal/fault.ts';
import type { Terminal } from './terminal/terminal.ts';

/** The version that is told. */
export const VERSION = '0.1.0';

/** The verbs, in the order in which they are used. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  inspect,
  train,
  score,
  explain,
  impute,
  synthesize,
  quality,
  drift,
  report,
  card,
  export: exporting,
  convert,
  serve,
  worker,
};

const definition = (name: string, { summary, args }: { summary: string; args: ArgsDef }): CommandDef => ({
  meta: { name, description: summary },
  args,
});

const whole: CommandDef = {
  meta: { name: 'latent', version: VERSION, description: 'Odd rows, holes, synthetic rows and drift of tables' },
  subCommands: Object.fromEntries(Object.entries(COMMANDS).map(([name, command]) => [name, definition(name, command)])),
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours are written with
const COLOURS = /\u001b\[[0-9;]*m/g;

async function help(terminal: Terminal, name?: string): Promise<void> {
  const command = name === undefined ? undefined : COMMANDS[name];
  const text =
    command === undefined || name === undefined
      ? await renderUsage(whole)
      : await renderUsage(definition(name, command), whole);
  await terminal.out(`${terminal.colours ? text : text.replace(COLOURS, '')}\n`);
}

/** Runs a command line; returns what the process ends with. Nothing is thrown. */
export async function run(words: readonly string[], terminal: Terminal): Promise<number> {
  try {
    return await dispatch(words, terminal);
  } catch (error) {
    return told(error, terminal);
  }
}

async function dispatch(words: readonly string[], terminal: Terminal): Promise<number> {
  const [verb, ...rest] = words;
  if (verb === '--version' || verb === '-v') {
    await terminal.out(`${VERSION}\n`);
    return EXIT.fine;
  }
  if (verb === undefined || verb === '--help' || verb === '-h' || verb === 'help') {
    const [about] = rest;
    await help(terminal, about !== undefined && Object.hasOwn(COMMANDS, about) ? about : undefined);
    return verb === undefined ? EXIT.usage : EXIT.fine;
  }
  const command = Object.hasOwn(COMMANDS, verb) ? COMMANDS[verb] : undefined;
  if (command === undefined) {
    const near = nearestName(verb, Object.keys(COMMANDS));
    throw new UsageFault(
      `there is no command ${JSON.stringify(verb)}${near === null ? '' : `; did you mean ${near}?`} See latent --help`,
    );
  }
  const before = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (before.includes('--help') || before.includes('-h')) {
    await help(terminal, verb);
    return EXIT.fine;
  }
  return command.run(new Call(verb, command.args, rest), terminal);
}

/** Says what went wrong, and whose fault it is. */
function told(error: unknown, terminal: Terminal): number {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof UsageFault) {
    terminal.say(`latent: ${message}`);
    return EXIT.usage;
  }
  if (error instanceof DataFault || error instanceof LatentError) {
    terminal.say(`latent: ${message}`);
    return EXIT.data;
  }
  // Whoever reads the output has read enough.
  if ((error as NodeJS.ErrnoException | null)?.code === 'EPIPE') return EXIT.fine;
  terminal.say(
    `latent: this is a fault of the program: ${error instanceof Error ? (error.stack ?? message) : message}`,
  );
  return EXIT.fault;
}
