#!/usr/bin/env node
import { run } from './run.ts';
import { processTerminal } from './terminal/terminal.ts';

// A reader such as `head` may leave; a write then fails, and the command ends.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

process.exitCode = await run(process.argv.slice(2), processTerminal());
// What is still waited for, such as an input that nobody read, must not keep the process.
process.stdin.destroy();
