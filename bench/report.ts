// `npm run bench:report`: all benchmarks on this Node, into bench/results, and docs/performance.md from all results there.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scalingPlot } from './plot.ts';
import { batches, measureScaling, rises, type ScalingPoint, widths } from './scaling.ts';
import { measureScoring, rowCounts, type ScoringPoint } from './scoring.ts';
import { measureStartup, type Startup } from './startup.ts';
import { atLeast, type Result } from './table.ts';

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
  readonly scoring: readonly ScoringPoint[];
  /** What scaling, scoring and start-up were measured on. */
  readonly commit: string;
}

/** How far a peer's time may be from the last report's: further off, the machine was busy, or is another. */
const STEADY = 0.25;

const root = fileURLToPath(new URL('../', import.meta.url));
const folder = join(root, 'bench', 'results');
const major = process.versions.node.split('.')[0];
const file = join(folder, `node-${major}.json`);

const own = ['--scaling-only', '--pages-only', '--other-machine'];
const asked = (option: string): boolean => process.argv.includes(option);
/** What is meant for the benchmarks. */
const handedOn = process.argv.slice(2).filter((option) => !own.includes(option));

if (asked('--scaling-only')) measureRest();
else if (!asked('--pages-only')) measure();
writePage();

function measure(): void {
  mkdirSync(folder, { recursive: true });
  const before = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : null;
  // With `--only`, the figures of everything else stay.
  const all = before === null || !asked('--only');
  if (all) npm('run', '--silent', 'build');
  const fresh = join(mkdtempSync(join(tmpdir(), 'latent-bench-')), 'results.json');
  npm('run', '--silent', 'bench', '--', '--json', fresh, ...handedOn);
  const commit = commitNow();
  const measured = JSON.parse(readFileSync(fresh, 'utf8')) as Report;
  if (before !== null && !asked('--other-machine')) refuseUnsteady(before, measured);
  const same = (a: Result, b: Result): boolean => a.benchmark === b.benchmark && a.contender === b.contender;
  const old = before?.results ?? [];
  const now = measured.results.map((r) => ({ ...r, commit }));
  const kept = old.map((b) => now.find((r) => same(r, b)) ?? b);
  const added = now.filter((r) => !old.some((b) => same(r, b)));
  const report = {
    ...before,
    ...measured,
    versions: { ...before?.versions, ...measured.versions },
    // Shares are of one limit: the highest that any of the sessions came to.
    ...(!all && { microKernelGflops: Math.max(before.microKernelGflops, measured.microKernelGflops) }),
    results: [...kept, ...added],
  };
  write(file, `${JSON.stringify(report, null, 2)}\n`);
  if (all) measureRest();
}

/** Throws where what others' code takes is far from what it took last time: then ours says nothing either. */
function refuseUnsteady(before: Report, measured: Report): void {
  const far = measured.results.flatMap(({ benchmark, contender, min, missing, stopped }) => {
    const last = before.results.find((b) => b.benchmark === benchmark && b.contender === contender);
    if (contender.startsWith('latent') || missing !== undefined || stopped !== undefined || !last?.min) return [];
    const ratio = min / last.min;
    return Math.abs(ratio - 1) > STEADY
      ? [`${contender}, ${benchmark}: ${figure(ratio)} times as long as in the last report`]
      : [];
  });
  if (far.length === 0) return;
  throw new Error(
    `report: the machine was busy, or is another one; nothing was written (--other-machine writes it nevertheless)\n  ${far.join('\n  ')}`,
  );
}

/** The commit that is checked out; figures of changes that are in none could not be had again. */
function commitNow(): string {
  const git = (...args: string[]): string => spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout.trim();
  const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'packages', 'bench/*.ts');
  if (changed !== '') throw new Error(`report: commit first, so that the figures are of a commit\n${changed}`);
  return git('rev-parse', '--short', 'HEAD');
}

/** What is measured of Latent alone, added to the results of the benchmarks. */
function measureRest(): void {
  console.log('\nscaling: a VAE 256-width-16, microseconds per row');
  const scaling = measureScaling(({ width, batch, microsecondsPerRow }) =>
    console.log(`  width ${width}, batch ${batch}: ${microsecondsPerRow.toFixed(2)}`),
  );
  for (const sentence of rises(scaling)) console.log(`  ${sentence}`);
  console.log('\nscores from plain arrays, microseconds per row');
  const scoring = measureScoring(({ model, rows, microsecondsPerRow }) =>
    console.log(`  ${model}, ${rows} rows: ${microsecondsPerRow.toFixed(2)}`),
  );
  const startup = measureStartup();
  console.log('\nstart-up, milliseconds', startup);
  const measured = JSON.parse(readFileSync(file, 'utf8')) as Report;
  write(file, `${JSON.stringify({ ...measured, scaling, scoring, startup, commit: commitNow() }, null, 2)}\n`);
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

/** Of results, and of the rest. */
function commitsInWords(results: readonly string[], rest: string): string {
  const commits = [...new Set([...results, rest])];
  return commits.length === 1
    ? `Commit ${rest}`
    : `Commits ${commits.join(', ')} (start-up, scaling and scores: ${rest})`;
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
  scoring,
  startup,
  commit,
}: Report): string {
  const names = [...new Set(results.map(({ contender }) => contender))];
  const benchmarks = [...new Set(results.map(({ benchmark }) => benchmark))];
  const cell = (benchmark: string, contender: string): string => {
    const result = results.find((r) => r.benchmark === benchmark && r.contender === contender);
    if (result === undefined) return '';
    if (result.missing !== undefined) return 'missing';
    const ours = results.find((r) => r.benchmark === benchmark && r.contender === 'latent')?.median as number;
    if (result.stopped !== undefined) return `> ${figure(result.stopped)} · ${atLeast(result.stopped, ours)}`;
    const share =
      result.flop !== undefined && contender === 'latent'
        ? ` (${Math.round((100 * result.flop) / result.median / 1e6 / microKernelGflops)} %)`
        : '';
    const ratio = contender.startsWith('latent') ? '' : ` · ${figure(result.median / ours)}×`;
    return `${figure(result.median)}${share}${ratio}`;
  };
  const missing = [
    ...new Set(results.flatMap((r) => (r.missing === undefined ? [] : [`${r.contender}: ${r.missing}`]))),
  ];
  const lines = [
    `### Node ${node.slice(1)}`,
    '',
    `${commitsInWords(
      results.map((r) => r.commit ?? commit),
      commit,
    )}; ${cpu}, ${cores} cores, ${memoryGiB} GiB; micro-kernel ${microKernelGflops.toFixed(1)} GFLOP/s on one core. ${Object.entries(
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
    ...(results.some(({ stopped }) => stopped !== undefined)
      ? ['Behind a `>` is a first run, with all that it compiles, that was stopped after that time.', '']
      : []),
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
    'Scores of plain arrays (`elbo`), microseconds per row:',
    '',
    `| model | ${rowCounts.map((count) => `${count} ${count === 1 ? 'row' : 'rows'}`).join(' | ')} |`,
    `|---|${rowCounts.map(() => '---:|').join('')}`,
    ...[...new Set(scoring.map(({ model }) => model))].map(
      (model) =>
        `| ${model} | ${rowCounts
          .map((count) => figure(scoring.find((p) => p.model === model && p.rows === count)?.microsecondsPerRow ?? NaN))
          .join(' | ')} |`,
    ),
    '',
    `Start-up in a fresh process, 784-400-20: import ${startup.imported.toFixed(0)} ms, first step ${startup.step.toFixed(0)} ms (and ${startup.made.toFixed(0)} ms to draw the weights).`,
    '',
  ];
  return lines.join('\n');
}

function figure(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
