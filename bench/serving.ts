import { parseArgs } from 'node:util';
import { Rng } from '@latent/tensor';
import { gaussian, Vae } from '@latent/vae';

// Scoring as a server does it: the number of rows changes from call to call. Times against a fixed number of rows, and
// resident memory over the calls; in a plain loop, and with a turn of the event loop after each call.

const HELP = `Times scoring of changing numbers of rows against a fixed number, and watches memory.

usage: npm run bench:serving -- [--calls 10000] [--wide]

  --calls N   calls of each kind (10,000)
  --wide      a 200-256-64-16 model in place of 30-16-8-2
  --help      this text`;

const { values } = parseArgs({
  options: {
    calls: { type: 'string', default: '10000' },
    wide: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) console.log(HELP);
else await main(Number(values.calls), values.wide);

interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly worst: number;
  /** MiB resident after each fifth of the calls. */
  readonly resident: readonly number[];
}

async function main(calls: number, wide: boolean): Promise<void> {
  const columns = wide ? 200 : 30;
  const network = wide ? { latentSize: 16, encoder: [256, 64] } : { latentSize: 2, encoder: [16, 8] };
  const vae = new Vae({ inputSize: columns, ...network, reconstruction: gaussian() });
  const rows = new Rng(1).normal([2000, columns]).data;
  const score = (count: number): void => {
    vae.elbo(rows.subarray(0, count * columns));
  };
  console.log(
    `${wide ? '200-256-64-16' : '30-16-8-2'}, ${calls.toLocaleString('en-US')} calls, Node ${process.version}`,
  );
  for (const awaited of [false, true]) {
    for (const most of [50, 2000]) {
      const fixed = await timed(calls, () => Math.ceil(most / 2), score, awaited);
      const draws = new Rng(2).uniform([calls]).data;
      const changing = await timed(calls, (i) => 1 + Math.floor(most * (draws[i] ?? 0)), score, awaited);
      console.log(`\n${awaited ? 'awaiting between calls' : 'in a plain loop'}, microseconds`);
      console.log(line(`${Math.ceil(most / 2)} rows`, fixed, fixed));
      console.log(line(`1 … ${most} rows`, changing, fixed));
    }
  }
}

async function timed(
  calls: number,
  countOf: (call: number) => number,
  score: (count: number) => void,
  awaited: boolean,
): Promise<Times> {
  const times = new Float64Array(calls);
  const resident: number[] = [];
  for (let i = 0; i < calls; i++) {
    const started = performance.now();
    score(countOf(i));
    times[i] = 1000 * (performance.now() - started);
    if (awaited) await new Promise((resolve) => setImmediate(resolve));
    if ((i + 1) % Math.ceil(calls / 5) === 0) resident.push(process.memoryUsage().rss / 2 ** 20);
  }
  times.sort();
  const quantile = (p: number): number => times[Math.min(calls - 1, Math.floor(p * calls))] as number;
  return { p50: quantile(0.5), p99: quantile(0.99), worst: quantile(1), resident };
}

function line(name: string, { p50, p99, worst, resident }: Times, fixed: Times): string {
  const ratio = (value: number): string => `${value.toFixed(0).padStart(7)} (×${(value / fixed.p50).toFixed(2)})`;
  const memory = resident.map((mib) => mib.toFixed(0)).join(' ');
  return `  ${name.padEnd(14)} p50 ${ratio(p50)}  p99 ${ratio(p99)}  worst ${ratio(worst)}  resident ${memory} MiB`;
}
