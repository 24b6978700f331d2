// Bundle sizes, minified, gzipped and with brotli: each package alone, and whole applications, of the files that packages ship.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build, type Plugin } from 'esbuild';
import { writeModules } from './build.ts';
import { coreNames, entriesOf, packageFolder, packages, readManifest, root } from './packages.ts';

interface Application {
  readonly name: string;
  readonly code: string;
  /** Gzipped KiB that it may have. */
  readonly budget: number;
  /** Whether the four packages are left outside, so that what comes on top of them is measured. */
  readonly onTop?: boolean;
}

/** What users build; registries and method tables must not hold what an application does not use. */
const applications: readonly Application[] = [
  {
    name: 'tensor + matmul',
    code: "import { tensor } from '@latent/tensor'; console.log(tensor([[1, 2]]).matmul(tensor([[3], [4]])).toArray());",
    budget: 39,
  },
  {
    name: 'a Vae that trains',
    code: "import { bernoulli, Vae } from '@latent/vae'; const vae = new Vae({ inputSize: 4, latentSize: 2, encoder: [8], reconstruction: bernoulli() }); vae.fit([[0, 1, 1, 0]], { epochs: 2 }).then(() => console.log(vae.elboPerRow([[0, 1, 1, 0]])));",
    budget: 109,
  },
  {
    name: 'a saved Vae scores',
    code: "import { Vae } from '@latent/vae'; export { bernoulli } from '@latent/vae'; export const score = (bytes, rows) => Vae.fromBytes(bytes).elboPerRow(rows).toArray();",
    budget: 109,
  },
  {
    name: 'all four packages',
    code: coreNames.map((name) => `export * as ${name} from '@latent/${name}';`).join('\n'),
    budget: 194,
  },
  { name: 'tables beyond vae', code: "export * from '@latent/tables';", budget: 43, onTop: true },
  {
    name: 'ONNX out, all of it',
    code: "export { exportOnnx } from '@latent/onnx';",
    budget: 16.5,
    onTop: true,
  },
  {
    name: 'ONNX of a network',
    code: "import { exportWith } from '@latent/onnx/parts'; export const file = (network) => exportWith([], network, { input: [784] });",
    budget: 10,
    onTop: true,
  },
  {
    name: 'ONNX of a Vae',
    code: "import { exportWith, vaeGraphs } from '@latent/onnx/parts'; export const file = (vae) => exportWith([vaeGraphs], vae, { graph: 'elbo' });",
    budget: 11.5,
    onTop: true,
  },
  {
    name: 'ONNX of a table',
    code: "export { exportTable } from '@latent/tables/onnx';",
    budget: 20,
    onTop: true,
  },
  {
    name: 'ONNX weights in',
    code: "export { onnxTensors } from '@latent/onnx/read';",
    budget: 4,
    onTop: true,
  },
  {
    name: 'PyTorch weights in',
    code: "export { decodeTorch } from '@latent/onnx/torch';",
    budget: 5,
    onTop: true,
  },
  {
    name: 'a detector, so',
    code: "import { AnomalyDetector } from '@latent/tables'; export const fit = (rows) => AnomalyDetector.fit(rows);",
    budget: 38,
    onTop: true,
  },
];

interface Size {
  readonly minified: number;
  readonly gzipped: number;
  readonly brotli: number;
}

/**
 * Bundles `code` for the browser with every package inlined, or with the four, but for `only`, left outside. `shipped` are the
 * packages' files by name: one for all of a package, so what its top level does is kept even where nobody uses it.
 */
async function measure(shipped: Readonly<Record<string, string>>, code: string, only?: string): Promise<Size> {
  const result = await build({
    stdin: { contents: code, resolveDir: join(root, 'scripts'), loader: 'ts' },
    bundle: true,
    write: false,
    minify: true,
    format: 'esm',
    target: 'es2022',
    plugins: [fromShipped(shipped, only)],
    logLevel: 'warning',
  });
  const { contents } = result.outputFiles[0] as { contents: Uint8Array };
  return {
    minified: contents.length,
    gzipped: gzipSync(contents, { level: 9 }).length,
    brotli: brotliCompressSync(contents).length,
  };
}

/** Finds imports of our packages in the files that they ship; the four, but for `only`, are left outside where it is given. */
function fromShipped(shipped: Readonly<Record<string, string>>, only: string | undefined): Plugin {
  const outside = only === undefined ? [] : coreNames.filter((name) => name !== only);
  return {
    name: 'shipped',
    setup({ onResolve }) {
      onResolve({ filter: /^@latent\// }, ({ path }) =>
        outside.includes(path.split('/')[1] as string)
          ? { path, external: true }
          : { path: shipped[path] as string, sideEffects: false },
      );
    },
  };
}

/** The files of the packages that are measured, built into `target`, by what imports call them. */
async function ship(target: string): Promise<Record<string, string>> {
  const shipped: Record<string, string> = {};
  const measured = [...coreNames, 'onnx', 'tables'];
  for (const { folder, name } of packages.filter(({ folder }) => measured.includes(folder))) {
    const manifest = readManifest(folder);
    await writeModules(packageFolder(folder), manifest, join(target, folder));
    for (const { path, output } of entriesOf(manifest)) {
      if (path !== null) shipped[join(name, path)] = join(target, folder, output.replace('./dist/', ''));
    }
  }
  return shipped;
}

/** Prints the tables of sizes; false if an application is over its budget. */
export async function reportSizes(): Promise<boolean> {
  const target = mkdtempSync(join(tmpdir(), 'latent-sizes-'));
  try {
    return await report(await ship(target));
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

async function report(shipped: Readonly<Record<string, string>>): Promise<boolean> {
  const kib = (bytes: number): string => (bytes / 1024).toFixed(1).padStart(9);
  const row = (name: string, { minified, gzipped, brotli }: Size): void =>
    console.log(`  ${name.padEnd(22)}${kib(minified)}${kib(gzipped)}${kib(brotli)}`);
  console.log(`  ${'KiB'.padEnd(22)}${'minified'.padStart(9)}${'gzip'.padStart(9)}${'brotli'.padStart(9)}`);
  for (const name of coreNames)
    row(`@latent/${name}`, await measure(shipped, `export * from '@latent/${name}';`, name));
  let fits = true;
  for (const { name, code, budget, onTop } of applications) {
    const size = await measure(shipped, code, onTop ? 'tables' : undefined);
    row(name, size);
    if (size.gzipped <= budget * 1024) continue;
    fits = false;
    console.error(
      `  size: '${name}' is over its budget, got ${size.gzipped} bytes gzipped; at most ${budget} KiB are allowed`,
    );
  }
  console.log('  Beyond the four packages, all of an entry:');
  for (const path of Object.keys(shipped).filter((each) => /\/onnx\b/.test(each))) {
    row(path, await measure(shipped, `export * from '${path}';`, 'tables'));
  }
  return fits;
}

if (process.argv[1] === fileURLToPath(import.meta.url) && !(await reportSizes())) process.exitCode = 1;
