import { build } from 'esbuild';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { coreNames, entriesOf, packageFolder, packages, readManifest, root } from './packages.ts';
const paths: Record<string, string> = {};
for (const { folder, name } of packages) for (const { path, source } of entriesOf(readManifest(folder))) if (path !== null) paths[join(name, path)] = join(packageFolder(folder), source);
const codes: Record<string, string> = {
  tensor: "import { tensor } from '@latent/tensor'; console.log(tensor([[1, 2]]).matmul(tensor([[3], [4]])).toArray());",
  train: "import { bernoulli, Vae } from '@latent/vae'; const vae = new Vae({ inputSize: 4, latentSize: 2, encoder: [8], reconstruction: bernoulli() }); vae.fit([[0, 1, 1, 0]], { epochs: 2 }).then(() => console.log(vae.elboPerRow([[0, 1, 1, 0]])));",
  score: "import { Vae } from '@latent/vae'; export { bernoulli } from '@latent/vae'; export const score = (bytes, rows) => Vae.fromBytes(bytes).elboPerRow(rows).toArray();",
  all: coreNames.map((name) => `export * as ${name} from '@latent/${name}';`).join('\n'),
};
const [which = 'train', depth = '9', min = '600'] = process.argv.slice(2);
const r = await build({ stdin: { contents: codes[which]!, resolveDir: join(root, 'scripts'), loader: 'ts' }, bundle: true, write: false, minify: true, format: 'esm', target: 'es2022', metafile: true, plugins: [{ name: 's', setup({ onResolve }) { onResolve({ filter: /^@latent\// }, ({ path }) => ({ path: paths[path]!, sideEffects: false })); } }] });
const out = Object.values(r.metafile!.outputs)[0]!;
const sums: Record<string, number> = {};
for (const [f, { bytesInOutput: b }] of Object.entries(out.inputs)) { const parts = f.replace('packages/', '').replace('/src', '').split('/'); const k = parts.slice(0, +depth).join('/'); sums[k] = (sums[k] ?? 0) + b; }
const total = out.bytes; console.log(which, total, 'gzip', gzipSync(r.outputFiles![0]!.contents, { level: 9 }).length);
for (const [k, v] of Object.entries(sums).sort((a, b) => b[1] - a[1])) if (v >= +min) console.log(String(v).padStart(7), k);
