import { parseArgs } from 'node:util';
import { anomaly } from './anomaly.ts';
import { conditionalDigits } from './conditional-digits.ts';
import { convDenoising } from './conv-denoising.ts';
import { cvaeTutorial } from './cvae-tutorial.ts';
import { denoising } from './denoising.ts';
import { ecg } from './ecg.ts';
import { type Example, setting } from './example.ts';
import { exemplar } from './exemplar.ts';
import { hierarchical } from './hierarchical.ts';
import { latentMap } from './latent-map.ts';
import { likelihood } from './likelihood.ts';
import { masked } from './masked.ts';
import { names } from './names.ts';
import { pytorchVae } from './pytorch-vae.ts';
import { ranking } from './ranking.ts';
import { restoration } from './restoration.ts';
import { resume } from './resume.ts';
import { semiSupervised } from './semi-supervised.ts';
import { sketches } from './sketches.ts';
import { sparseEmbeddings } from './sparse-embeddings.ts';
import { stacked } from './stacked.ts';
import { table } from './table.ts';
import { timeseriesAnomaly } from './timeseries-anomaly.ts';
import { vqFashion } from './vq-fashion.ts';

const examples = {
  'latent-map': latentMap,
  anomaly,
  ranking,
  denoising,
  stacked,
  likelihood,
  table,
  resume,
  ecg,
  'timeseries-anomaly': timeseriesAnomaly,
  names,
  sketches,
  'cvae-tutorial': cvaeTutorial,
  'pytorch-vae': pytorchVae,
  'conv-denoising': convDenoising,
  restoration,
  'conditional-digits': conditionalDigits,
  exemplar,
  'semi-supervised': semiSupervised,
  hierarchical,
  masked,
  'vq-fashion': vqFashion,
  'sparse-embeddings': sparseEmbeddings,
} satisfies Record<string, Example>;

const HELP = `usage: npm run example -- NAME [--quick] [--out FOLDER]

  NAME     one of ${Object.keys(examples).join(', ')}
  --quick  few rows and epochs, to see that it runs
  --out    where pictures go (docs/examples/out)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    out: { type: 'string', default: 'docs/examples/out' },
    help: { type: 'boolean', default: false },
  },
});
const [name] = positionals;
if (values.help || name === undefined) console.log(HELP);
else if (!Object.hasOwn(examples, name)) {
  console.error(`example: there is no '${name}'\n\n${HELP}`);
  process.exitCode = 2;
} else await examples[name as keyof typeof examples](setting(values.out, values.quick, (line) => console.log(line)));
