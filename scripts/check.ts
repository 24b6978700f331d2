// `npm run check`: everything a change must pass, cheapest first. It stops at the first failure.
// `--skip NAME` leaves a step out and may be repeated: `npm run check -- --skip tests`.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findLayerErrors } from './layers.ts';
import { findManifestErrors } from './manifest.ts';
import { reportOverview } from './overview.ts';
import { packageFolder, packages, readManifest, root, unknownPackages } from './packages.ts';
import { reportSizes } from './size.ts';

interface Step {
  name: string;
  /** True if all is well; says on the console what is not. */
  run(): boolean | Promise<boolean>;
}

/** Runs a program of a development dependency, given by its path below node_modules. */
function tool(path: string, ...args: string[]): () => boolean {
  return () =>
    spawnSync(process.execPath, [join(root, 'node_modules', path), ...args], { cwd: root, stdio: 'inherit' }).status ===
    0;
}

/** Prints what is wrong; true if nothing is. */
function report(errors: readonly string[]): boolean {
  for (const error of errors) console.error(`  ${error}`);
  return errors.length === 0;
}

const steps: Step[] = [
  { name: 'format and lint', run: tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings', '.') },
  { name: 'types', run: tool('typescript/bin/tsc', '--noEmit', '-p', '.') },
  // Biome's own rule sees only part of the promises that TypeScript sees; this linter asks the type checker.
  { name: 'promises', run: tool('oxlint/bin/oxlint', '--deny-warnings') },
  { name: 'imports', run: async () => report(await findLayerErrors(join(root, 'packages'))) },
  {
    name: 'manifests',
    run: () =>
      report([
        ...unknownPackages(join(root, 'packages')).map((folder) => `packages/${folder}: no row in scripts/packages.ts`),
        ...packages.flatMap((rule) => findManifestErrors(rule, readManifest(rule.folder), packageFolder(rule.folder))),
      ]),
  },
  { name: 'overview', run: reportOverview },
  { name: 'size', run: reportSizes },
  { name: 'tests', run: tool('tsx/dist/cli.mjs', 'scripts/test.ts') },
];

const { values } = parseArgs({ options: { skip: { type: 'string', multiple: true, default: [] } } });
for (const name of values.skip) {
  if (!steps.some((step) => step.name === name)) {
    console.error(`check: no such step, got --skip ${name}; steps are ${steps.map((step) => step.name).join(', ')}`);
    process.exit(1);
  }
}

const times: string[] = [];
for (const step of steps) {
  if (values.skip.includes(step.name)) continue;
  console.log(`\n${step.name}`);
  const start = performance.now();
  const good = await step.run();
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  times.push(`${step.name} ${seconds} s`);
  if (!good) {
    console.error(`\ncheck: failed at '${step.name}' (${times.join(', ')})`);
    process.exit(1);
  }
}
console.log(`\ncheck: all good (${times.join(', ')})`);
