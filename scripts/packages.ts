import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Where the project is at home: what every published package says of itself. */
export const repository = 'https://github.com/latent-ts/latent';

/** One package: its folder below `packages/`, its name on npm, and what it may import. */
export interface PackageRule {
  readonly folder: string;
  readonly name: string;
  /** Folders of the packages it may import. */
  readonly imports: readonly string[];
  /** Folders of packages of which it may import types alone. */
  readonly types?: readonly string[];
  /** Whether it may have other dependencies, and Node's modules: the core runs everywhere and has none. */
  readonly outside?: boolean;
  /** Whether it is for servers alone: bundles for browsers leave it out. */
  readonly server?: boolean;
}

const core = ['tensor', 'autograd', 'nn', 'vae'] as const;

/**
 * The packages in dependency order. Imports point left: tensor ← autograd ← nn ← vae ← onnx ← tables ← the command line `latent`;
 * `tables` needs `onnx` for its entry `./onnx` alone; `report` draws what `tables` found and knows only its types; `scale` stands right of `onnx`.
 * A row may stand here before its folder does.
 */
export const packageRules: readonly PackageRule[] = [
  ...core.map((folder, i) => ({ folder, name: `@latent/${folder}`, imports: core.slice(0, i) })),
  { folder: 'onnx', name: '@latent/onnx', imports: core },
  { folder: 'tables', name: '@latent/tables', imports: [...core, 'onnx'] },
  { folder: 'report', name: '@latent/report', imports: [], types: ['tables'] },
  { folder: 'scale', name: '@latent/scale', imports: [...core, 'onnx'], outside: true, server: true },
  { folder: 'latent', name: 'latent', imports: [...core, 'tables', 'report', 'scale', 'onnx'], outside: true },
];

/** The packages that are there, in dependency order: each comes after those it imports. */
export const packages: readonly PackageRule[] = packageRules.filter(({ folder }) => existsSync(manifestFile(folder)));

/** The four packages that all others stand on: they have no dependency but each other. */
export const coreNames: readonly string[] = core;

/** The folders below `packagesFolder` that have no row in the table of packages. */
export function unknownPackages(packagesFolder: string): string[] {
  const known = new Set(packageRules.map((rule) => rule.folder));
  return readdirSync(packagesFolder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !known.has(entry.name))
    .map((entry) => entry.name);
}

/** What an entry of `exports` points at in this repository; without `default` it is for tests and is not published. */
export interface EntryTarget {
  readonly source: string;
  readonly types?: string;
  readonly default?: string;
}

/** The fields of a package.json that the scripts read. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports?: Readonly<Record<string, string | EntryTarget>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  /** What users install themselves, if they need it. */
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

/** Where a package of this repository is. */
export function packageFolder(folder: string): string {
  return join(root, 'packages', folder);
}

function manifestFile(folder: string): string {
  return join(packageFolder(folder), 'package.json');
}

export function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(manifestFile(folder), 'utf8')) as Manifest;
}

/** Something that users import or run: from which source, into which file. All paths start at the package's folder. */
export interface Entry {
  /** As in `exports` (`.`, `./evaluate`); null for a command. */
  readonly path: string | null;
  readonly source: string;
  readonly output: string;
}

/** The published entries of a package, by its `exports` and `bin`: what `dist/x.js` is made of stands in `src/x.ts`. */
export function entriesOf(manifest: Manifest): Entry[] {
  const sourceOf = (output: string): string => output.replace(/^\.\/dist\//, './src/').replace(/\.js$/, '.ts');
  const imported = Object.entries(manifest.exports ?? {}).flatMap(([path, target]) =>
    typeof target === 'string' || target.default === undefined
      ? []
      : [{ path, source: target.source, output: target.default }],
  );
  const commands = Object.values(manifest.bin ?? {}).map((output) => ({
    path: null,
    source: sourceOf(output),
    output,
  }));
  return [...imported, ...commands];
}

/** The packages that can be imported; a command alone cannot. */
export const libraries = packages.filter(({ folder }) => readManifest(folder).exports !== undefined);

/** All that can be imported, as a user writes it: `@latent/vae/evaluate`; in a browser, what is not for servers alone. */
export function specifiers(where: 'anywhere' | 'browser' = 'anywhere'): string[] {
  const there = packages.filter(({ server }) => where === 'anywhere' || !server);
  return there.flatMap(({ folder, name }) =>
    entriesOf(readManifest(folder)).flatMap(({ path }) => (path === null ? [] : [name + path.slice(1)])),
  );
}

/** Every TypeScript file below `folder` as an absolute path, sorted; nothing if the folder does not exist. */
export function typescriptFiles(folder: string): string[] {
  const skipped = new Set(['node_modules', 'dist', 'peers']);
  const found: string[] = [];
  const visit = (current: string): void => {
    for (const entry of readdirSync(current, { withFileTypes: true })) {
      if (entry.isDirectory() && !skipped.has(entry.name)) visit(join(current, entry.name));
      else if (entry.isFile() && entry.name.endsWith('.ts')) found.push(join(current, entry.name));
    }
  };
  try {
    visit(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return found.sort();
}
