#!/usr/bin/env node
import module from 'node:module';

// Half of what a short command takes is reading its code. From Node 22.8 on the engine keeps what it makes of it, in the folder for
// temporary files or in that of NODE_COMPILE_CACHE; NODE_DISABLE_COMPILE_CACHE=1 forbids it. Where it cannot, nothing is said.
(module as { enableCompileCache?: () => unknown }).enableCompileCache?.();
const [{ run }, { processTerminal }] = await Promise.all([import('./run.ts'), import('./terminal/terminal.ts')]);

// A reader such as `head` may leave; a write then fails, and the command ends.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

process.exitCode = await run(process.argv.slice(2), processTerminal());
// What is still waited for, such as an input that nobody read, must not keep the process.
process.stdin.destroy();
