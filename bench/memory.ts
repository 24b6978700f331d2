import { tensor } from '@latent/tensor';
import { testData } from './contender.ts';
import { trainer } from './trainer.ts';

// Resident memory in long synchronous loops that free nothing. The last half may not grow by more than this.
const ALLOWED = 1.05;

function watch(name: string, count: number, body: () => void): void {
  console.log(name);
  const resident: number[] = [];
  for (let i = 1; i <= count; i++) {
    body();
    if (i % (count / 10) === 0) {
      resident.push(process.memoryUsage().rss / 2 ** 20);
      console.log(`  ${i.toLocaleString('en-US').padStart(9)}  ${resident.at(-1)?.toFixed(0)} MiB`);
    }
  }
  const flat = Math.max(...resident.slice(5)) <= ALLOWED * Math.max(...resident.slice(2, 5));
  console.log(flat ? '  flat\n' : '  NOT flat\n');
  if (!flat) process.exitCode = 1;
}

const a = tensor(testData(256 * 256), { shape: [256, 256] });
watch('100,000 eager matmuls of 256×256, no step around them', 100_000, () => {
  a.matmul(a);
});

watch(
  '1,000,000 training steps of a 30-16-8-2 VAE, batch 32',
  1_000_000,
  trainer({ input: 30, hidden: [16, 8], latent: 2, batch: 32 }),
);
