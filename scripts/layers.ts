// Import direction: tensor ← autograd ← nn ← vae, and no cycles at run time inside a package.
import { readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { packageNames, root, typescriptFiles } from './packages.ts';

/** One import statement: from which file, what it names, and whether it still exists once types are erased. */
export interface ImportEdge {
  from: string;
  specifier: string;
  runtime: boolean;
}

const scope = '@latent/';
const order: readonly string[] = packageNames;

/** Reads the imports of the given files: run-time ones from esbuild, type-only ones from the text. */
export async function readImports(files: string[]): Promise<ImportEdge[]> {
  const edges: ImportEdge[] = [];
  const seen = new Set<string>();
  const record = (from: string, specifier: string, runtime: boolean): void => {
    const key = `${from}\n${specifier}`;
    if (seen.has(key)) return;
    seen.add(key);
    edges.push({ from, specifier, runtime });
  };
  // Every import is declared external, so each file is parsed once and nothing is loaded through another.
  await build({
    entryPoints: files,
    bundle: true,
    write: false,
    outdir: root,
    format: 'esm',
    logLevel: 'silent',
    plugins: [
      {
        name: 'record-imports',
        setup(plugin) {
          plugin.onResolve({ filter: /.*/ }, ({ kind, importer, path }) => {
            if (kind === 'entry-point') return null;
            record(importer, path, true);
            return { path, external: true };
          });
        },
      },
    ],
  });
  // `import type { … } from '…'`: the statement starts a line, which keeps examples in comments out.
  const statement = /^(?:import|export|\})[^'"]*?\bfrom\s+['"]([^'"]+)['"]/gm;
  for (const file of files) {
    for (const match of readFileSync(file, 'utf8').matchAll(statement)) record(file, match[1], false);
  }
  return edges;
}

/** Says what is wrong with the imports below `packagesFolder`; an empty list means all is well. */
export async function findLayerErrors(packagesFolder: string): Promise<string[]> {
  const errors: string[] = [];
  const files = packageNames.flatMap((name) => typescriptFiles(join(packagesFolder, name, 'src')));
  const show = (file: string): string => relative(packagesFolder, file).split(sep).join('/');
  const all = new Map<string, string[]>(files.map((file) => [file, []]));
  const runtime = new Map<string, string[]>(files.map((file) => [file, []]));

  for (const edge of await readImports(files)) {
    const owner = show(edge.from).split('/')[0];
    const { specifier } = edge;
    const isTest = edge.from.endsWith('.test.ts');
    if (specifier.startsWith('.')) {
      const target = join(dirname(edge.from), specifier);
      if (show(target).split('/')[0] !== owner) {
        errors.push(`${show(edge.from)}: leaves its package, got '${specifier}'; import the package by its name`);
      } else if (all.has(target)) {
        all.get(edge.from)?.push(target);
        if (edge.runtime) runtime.get(edge.from)?.push(target);
      }
    } else if (specifier.startsWith(scope)) {
      // Tests may also take a package's sample data, which it does not ship.
      const name = specifier.slice(scope.length).replace(isTest ? /\/samples$/ : /$^/, '');
      const allowed = order.slice(0, order.indexOf(owner));
      if (!allowed.includes(name)) {
        const remedy = allowed.map((other) => scope + other).join(', ') || 'no other package';
        errors.push(`${show(edge.from)}: wrong direction, got '${specifier}'; ${owner} may import ${remedy}`);
      }
    } else if (specifier.startsWith('node:') && !isTest) {
      errors.push(
        `${show(edge.from)}: breaks browser bundles, got '${specifier}'; use process.getBuiltinModule('${specifier}')`,
      );
    } else if (!isTest) {
      errors.push(`${show(edge.from)}: no outside dependency is allowed at run time, got '${specifier}'`);
    }
  }

  for (const cycle of findCycles(runtime)) errors.push(`import cycle: ${cycle.map(show).join(' → ')}`);
  for (const name of packageNames) {
    const index = join(packagesFolder, name, 'src', 'index.ts');
    const trail = findTestFile(all, index);
    if (trail) errors.push(`test-only file reachable from an index: ${trail.map(show).join(' → ')}`);
  }
  return errors;
}

/** One cycle per set of files that import each other, as `[a, b, a]`. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (node: string): void => {
    const start = path.indexOf(node);
    if (start >= 0) {
      cycles.push([...path.slice(start), node]);
      return;
    }
    if (done.has(node)) return;
    path.push(node);
    for (const next of graph.get(node) ?? []) visit(next);
    path.pop();
    done.add(node);
  };
  for (const node of graph.keys()) visit(node);
  return cycles;
}

/** The shortest import trail from `index` to a `samples.ts` or a test, if there is one. */
function findTestFile(graph: ReadonlyMap<string, readonly string[]>, index: string): string[] | undefined {
  const queue: string[][] = [[index]];
  const seen = new Set([index]);
  for (let trail = queue.shift(); trail; trail = queue.shift()) {
    const file = trail[trail.length - 1];
    if (/(?:[/\\]samples|\.test)\.ts$/.test(file)) return trail;
    for (const next of graph.get(file) ?? []) {
      if (seen.has(next)) continue;
      seen.add(next);
      queue.push([...trail, next]);
    }
  }
  return undefined;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const errors = await findLayerErrors(join(root, 'packages'));
  for (const error of errors) console.error(error);
  if (errors.length > 0) process.exitCode = 1;
}
