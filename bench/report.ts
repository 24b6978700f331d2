// `npm run bench:report`: all benchmarks on this Node, into bench/results, and docs/performance.md from all results there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scalingPlot } from './plot.ts';
import { batches, measureScaling, rises, type ScalingPoint, widths } from './scaling.ts';
import { measureStartup, type Startup } from './startup.ts';
import type { Result } from './table.ts';

interface Report {
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly microKernelGflops: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly Result[];
  readonly scaling: readonly ScalingPoint[];
  readonly startup: Startup;
}

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = join(root, 'bench', 'results');
const major = process.versions.node.split('.')[0];
const file = join(folder, `node-${major}.json`);

if (process.argv.includes('--scaling-only')) measureRest();
else if (!process.argv.includes('--pages-only')) measure();
writePage();

function measure(): void {
  mkdirSync(folder, { recursive: true });
  npm('run', '--silent', 'build');
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report).results : [];
  npm('run', '--silent', 'bench', '--', '--json', file, ...process.argv.slice(2));
  // With `--only`, the other benchmarks' figures stay.
  const measured = JSON.parse(readFileSync(file, 'utf8')) as Report;
  const fresh = new Map(measured.results.map((r) => [`${r.benchmark} ${r.contender}`, r]));
  const kept = before.map((r) => fresh.get(`${r.benchmark} ${r.contender}`) ?? r);
  const added = measured.results.filter(
    (r) => !before.some((b) => b.benchmark === r.benchmark && b.contender === r.contender),
  );
  write(file, `${JSON.stringify({ ...measured, results: [...kept, ...added] }, null, 2)}\n`);
  measureRest();
}

/** What is measured of Latent alone, added to the results of the benchmarks. */
function measureRest(): void {
  console.log('\nscaling: a VAE 256-width-16, microseconds per row');
  const scaling = measureScaling(({ width, batch, microsecondsPerRow }) =>
    console.log(`  width ${width}, batch ${batch}: ${microsecondsPerRow.toFixed(2)}`),
  );
  for (const sentence of rises(scaling)) console.log(`  ${sentence}`);
  const startup = measureStartup();
  console.log('\nstart-up, milliseconds', startup);
  const measured = JSON.parse(readFileSync(file, 'utf8')) as Report;
  write(file, `${JSON.stringify({ ...measured, scaling, startup }, null, 2)}\n`);
}

function npm(...args: string[]): void {
  const { status } = spawnSync('npm', args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) throw new Error(`report: npm ${args.join(' ')} failed`);
}

function write(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}

function writePage(): void {
  const reports = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Report);
  const page = join(root, 'docs', 'performance.md');
  const tables = reports.map((report) => tablesOf(report)).join('\n');
  const before = readFileSync(page, 'utf8');
  const [start, end] = ['<!-- figures: written by npm run bench:report -->', '<!-- end of figures -->'];
  const [head = '', rest = ''] = before.split(start);
  write(page, `${head}${start}\n\n${tables}\n${end}${rest.split(end)[1]}`);
  for (const { node, scaling } of reports) {
    const name = `scaling-node-${node.slice(1).split('.')[0]}.svg`;
    write(join(root, 'docs', 'images', name), scalingPlot(scaling, `training, microseconds per row, Node ${node}`));
  }
  console.log(`wrote docs/performance.md from ${reports.length} results`);
}

/** The figures of one Node as Markdown. */
function tablesOf({
  node,
  cpu,
  cores,
  memoryGiB,
  microKernelGflops,
  versions,
  results,
  scaling,
  startup,
}: Report): string {
  const names = [...new Set(results.map(({ contender }) => contender))];
  const benchmarks = [...new Set(results.map(({ benchmark }) => benchmark))];
  const cell = (benchmark: string, contender: string): string => {
    const result = results.find((r) => r.benchmark === benchmark && r.contender === contender);
    if (result === undefined) return '';
    if (result.missing !== undefined) return 'missing';
    const ours = results.find((r) => r.benchmark === benchmark && r.contender === 'latent')?.median as number;
    const share =
      result.flop !== undefined && contender === 'latent'
        ? ` (${Math.round((100 * result.flop) / result.median / 1e6 / microKernelGflops)} %)`
        : '';
    const ratio = contender.startsWith('latent') ? '' : ` · ${(result.median / ours).toPrecision(3)}×`;
    return `${figure(result.median)}${share}${ratio}`;
  };
  const missing = [
    ...new Set(results.flatMap((r) => (r.missing === undefined ? [] : [`${r.contender}: ${r.missing}`]))),
  ];
  const lines = [
    `### Node ${node.slice(1)}`,
    '',
    `${cpu}, ${cores} cores, ${memoryGiB} GiB; micro-kernel ${microKernelGflops.toFixed(1)} GFLOP/s on one core. ${Object.entries(
      versions,
    )
      .map(([name, version]) => `${name} ${version}`)
      .join(', ')}.`,
    '',
    'Median milliseconds · how many times ours; in brackets the share of the micro-kernel.',
    '',
    `| work | ${names.join(' | ')} |`,
    `|---|${names.map(() => '---:|').join('')}`,
    ...benchmarks.map((name) => `| ${name} | ${names.map((contender) => cell(name, contender)).join(' | ')} |`),
    '',
    ...(missing.length > 0 ? [...missing.map((sentence) => `Missing: ${sentence}.`), ''] : []),
    'Training a VAE 256-width-16, microseconds per row:',
    '',
    `| width | ${batches.map((batch) => `batch ${batch}`).join(' | ')} |`,
    `|---|${batches.map(() => '---:|').join('')}`,
    ...widths.map(
      (width) =>
        `| ${width} | ${batches
          .map((batch) =>
            figure(scaling.find((p) => p.width === width && p.batch === batch)?.microsecondsPerRow ?? NaN),
          )
          .join(' | ')} |`,
    ),
    '',
    `![Microseconds per row against the batch size](images/scaling-node-${node.slice(1).split('.')[0]}.svg)`,
    '',
    `Start-up in a fresh process, 784-400-20: import ${startup.imported.toFixed(0)} ms, first step ${startup.step.toFixed(0)} ms (and ${startup.made.toFixed(0)} ms to draw the weights).`,
    '',
  ];
  return lines.join('\n');
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
