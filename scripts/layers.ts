// Import direction: between packages as `packages.ts` says, between folders as `folders.ts` says, and no cycles at run time.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { folderError } from './folders.ts';
import { type Manifest, type PackageRule, packageRules, root, typescriptFiles } from './packages.ts';

/** One import statement: from which file, what it names, and whether it still exists once types are erased. */
export interface ImportEdge {
  from: string;
  specifier: string;
  runtime: boolean;
}

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
    for (const match of readFileSync(file, 'utf8').matchAll(statement)) record(file, match[1] ?? '', false);
  }
  return edges;
}

/** Says what is wrong with the imports below `packagesFolder`; an empty list means all is well. */
export async function findLayerErrors(packagesFolder: string): Promise<string[]> {
  const errors: string[] = [];
  const files = packageRules.flatMap(({ folder }) => typescriptFiles(join(packagesFolder, folder, 'src')));
  const show = (file: string): string => relative(packagesFolder, file).split(sep).join('/');
  const all = new Map<string, string[]>(files.map((file) => [file, []]));
  const runtime = new Map<string, string[]>(files.map((file) => [file, []]));

  for (const edge of await readImports(files)) {
    const { from, specifier } = edge;
    const rule = ruleOf(show(from).split('/')[0] ?? '');
    const inside = (file: string): string => show(file).split('/').slice(2).join('/');
    if (!specifier.startsWith('.')) {
      const error = packageError(rule, edge, dependenciesOf(packagesFolder, rule));
      if (error) errors.push(`${show(from)}: ${error}`);
      continue;
    }
    const target = join(dirname(from), specifier);
    // Tests may use what the repository checks itself with.
    if (isForTests(from) && !relative(join(packagesFolder, '..', 'scripts'), target).startsWith('..')) continue;
    if (!show(target).startsWith(`${rule.folder}/`)) {
      errors.push(`${show(from)}: leaves its package, got '${specifier}'; import the package by its name`);
    } else if (all.has(target)) {
      all.get(from)?.push(target);
      if (!edge.runtime) continue;
      runtime.get(from)?.push(target);
      const error = isForTests(from) ? undefined : folderError(rule.folder, inside(from), inside(target));
      if (error) errors.push(`${show(from)}: ${error}`);
    }
  }

  for (const cycle of findCycles(runtime)) errors.push(`import cycle: ${cycle.map(show).join(' → ')}`);
  for (const { folder } of packageRules) {
    for (const entry of files.filter((file) => show(file).startsWith(`${folder}/`) && /[/\\]index\.ts$/.test(file))) {
      const trail = findTestFile(all, entry);
      if (trail) errors.push(`test-only file reachable from an index: ${trail.map(show).join(' → ')}`);
    }
  }
  return errors.sort();
}

function ruleOf(folder: string): PackageRule {
  return packageRules.find((rule) => rule.folder === folder) as PackageRule;
}

/** What the package.json allows, or null where there is none. */
function dependenciesOf(packagesFolder: string, rule: PackageRule): readonly string[] | null {
  const file = join(packagesFolder, rule.folder, 'package.json');
  if (!existsSync(file)) return null;
  const { dependencies, peerDependencies } = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
  return Object.keys({ ...dependencies, ...peerDependencies });
}

/** Says what is wrong with an import of something outside the package. */
function packageError(
  rule: PackageRule,
  { from, specifier, runtime }: ImportEdge,
  dependencies: readonly string[] | null,
): string | undefined {
  const isTest = isForTests(from);
  const name = specifier.match(/^(?:@[^/]+\/)?[^/]+/)?.[0] ?? specifier;
  const ours = packageRules.find((other) => other.name === name);
  if (ours !== undefined) {
    const open = rule.imports.includes(ours.folder) || (!runtime && rule.types?.includes(ours.folder));
    // Sample data is for tests, and is not published.
    if (!open || (specifier === `${name}/samples` && !isTest)) {
      const types = rule.types?.map((folder) => `types of ${ruleOf(folder).name}`) ?? [];
      const remedy = [...rule.imports.map((folder) => ruleOf(folder).name), ...types].join(', ') || 'no other package';
      return `wrong direction, got '${specifier}'; ${rule.folder} may import ${remedy}`;
    }
  } else if (specifier.startsWith('node:')) {
    if (isTest || rule.outside) return undefined;
    return `breaks browser bundles, got '${specifier}'; use process.getBuiltinModule('${specifier}')`;
  } else if (!isTest && !rule.outside) {
    return `no outside dependency is allowed at run time, got '${specifier}'`;
  }
  if (isTest || dependencies === null || dependencies.includes(name)) return undefined;
  return `imports what its package.json does not depend on, got '${specifier}'`;
}

/** Tests and their sample data, which are not published and may take what they need. */
export function isForTests(file: string): boolean {
  return /\.test\.ts$|[/\\]sample(?:s|-inputs)\.ts$/.test(file);
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
    const file = trail.at(-1) as string;
    if (isForTests(file)) return trail;
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
