// What package.json must say: `npm run check` reads the ones here, and what is packed is made from them.
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { entriesOf, type Manifest, type PackageRule, repository, root } from './packages.ts';

/** Packing a folder as it stands would publish paths to sources that are not in the tarball. */
const NO_PACK = "echo 'pack with: npm run pack, at the root' && exit 1";

/** The fields that are the same in every package, or follow from its folder. */
function expectedFields({ folder, name }: PackageRule, engines: unknown): Readonly<Record<string, unknown>> {
  return {
    name,
    license: 'MIT',
    homepage: `${repository}/tree/main/packages/${folder}#readme`,
    repository: { type: 'git', url: `git+${repository}.git`, directory: `packages/${folder}` },
    bugs: { url: `${repository}/issues` },
    type: 'module',
    engines,
    publishConfig: { access: 'public' },
    scripts: { prepack: NO_PACK },
  };
}

/** Says what is wrong with the package.json in `packageFolder`, its entries and its papers. */
export function findManifestErrors(rule: PackageRule, manifest: Manifest, packageFolder: string): string[] {
  const errors: string[] = [];
  const wrong = (what: string): void => {
    errors.push(`packages/${rule.folder}/package.json: ${what}`);
  };
  const { version, engines } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
  for (const [field, value] of Object.entries({ ...expectedFields(rule, engines), version })) {
    const got = JSON.stringify(manifest[field]);
    if (got !== JSON.stringify(value)) wrong(`${field} must be ${JSON.stringify(value)}, got ${got}`);
  }
  if (typeof manifest.description !== 'string' || manifest.description.length < 20) wrong('needs a description');
  if (!Array.isArray(manifest.keywords) || manifest.keywords.length < 3) wrong('needs keywords, at least three');
  if (manifest.sideEffects === undefined) wrong('must say its sideEffects (false, or the files that have some)');
  if (JSON.stringify(manifest.files) !== '["dist"]')
    wrong('files must be ["dist"]: all else is added when it is packed');

  for (const [path, target] of Object.entries(manifest.exports ?? {})) {
    if (typeof target === 'string') {
      if (path !== './package.json' || target !== path) wrong(`exports '${path}' must be an object with a source`);
      continue;
    }
    if (!existsSync(join(packageFolder, target.source ?? ''))) wrong(`exports '${path}': no file ${target.source}`);
    if (target.default === undefined) continue;
    const built = target.source.replace(/^\.\/src\//, './dist/').replace(/\.ts$/, '');
    const expected = { source: target.source, types: `${built}.d.ts`, default: `${built}.js` };
    if (JSON.stringify(target) !== JSON.stringify(expected)) {
      wrong(`exports '${path}' must be ${JSON.stringify(expected)}, got ${JSON.stringify(target)}`);
    }
  }
  if (manifest.exports !== undefined && manifest.exports['./package.json'] === undefined) {
    wrong("exports must hold './package.json', which tools read");
  }
  for (const { path, source } of entriesOf(manifest)) {
    if (path === null && !existsSync(join(packageFolder, source))) wrong(`bin: no file ${source}`);
  }
  if (entriesOf(manifest).length === 0) wrong('neither exports nor bin name anything to publish');
  for (const [name, range] of Object.entries(manifest.dependencies ?? {})) {
    const ours = name === 'latent' || name.startsWith('@latent/');
    if (ours && range !== `^${version}`) wrong(`must depend on ${name} ^${version}, got ${range}`);
    if (!ours && !rule.outside) wrong(`may have no dependency outside, got ${name}`);
  }

  for (const paper of ['README.md', 'LICENSE']) {
    if (!existsSync(join(packageFolder, paper))) wrong(`stands beside no ${paper}`);
  }
  const license = join(packageFolder, 'LICENSE');
  if (existsSync(license) && readFileSync(license, 'utf8') !== readFileSync(join(root, 'LICENSE'), 'utf8')) {
    wrong('LICENSE differs from that of the repository');
  }
  return errors;
}

/**
 * The package.json that is published: without sources and what is for tests alone, with the fields that older tools read.
 *
 * Every loader that can load ES modules gets those, by `import` and by `require`: Node (`module-sync`), Bun and the
 * bundlers (`module`). So a program that does both has one copy of the state. `require` is for those that cannot.
 */
export function publishedManifest(manifest: Manifest): Record<string, unknown> {
  const { scripts: _, devDependencies: __, private: ___, exports: entries = {}, ...rest } = manifest;
  const published: Record<string, unknown> = {};
  for (const [path, target] of Object.entries(entries)) {
    if (typeof target === 'string') published[path] = target;
    else if (target.default !== undefined && target.types !== undefined) {
      const { types, default: module } = target;
      published[path] = {
        bun: module,
        'module-sync': module,
        module,
        require: { types: types.replace(/\.ts$/, '.cts'), default: commonJs(module) },
        default: { types, default: module },
      };
    }
  }
  const main = entries['.'];
  const fields = typeof main === 'object' && main.default !== undefined ? fieldsOf(main.default, './') : {};
  // Files of the source with effects end in any file of the build.
  const sideEffects = manifest.sideEffects === false ? false : ['./dist/**'];
  return { ...rest, sideEffects, ...fields, ...(manifest.exports === undefined ? {} : { exports: published }) };
}

/**
 * For tools that do not read `exports` (TypeScript's `node10`, Parcel as it is set up by default): a folder with a
 * package.json of its own for each entry but the main one. By the path of that file in the package.
 */
export function folderManifests(manifest: Manifest): Record<string, object> {
  const folders: Record<string, object> = {};
  for (const { path, output } of entriesOf(manifest)) {
    if (path === null || path === '.') continue;
    folders[`${path.slice(2)}/package.json`] = {
      type: 'module',
      ...(manifest.sideEffects === false ? { sideEffects: false } : {}),
      ...fieldsOf(output, `${posix.relative(path, '.')}/`),
    };
  }
  return folders;
}

/** What is read where `exports` is not. */
function fieldsOf(module: string, up: string): Record<string, string> {
  const at = (file: string): string => file.replace('./', up);
  return { main: at(commonJs(module)), module: at(module), types: at(module.replace(/\.js$/, '.d.ts')) };
}

function commonJs(module: string): string {
  return module.replace(/\.js$/, '.cjs');
}

/** The paths of a tarball that do not belong there: it holds the build and its papers, no source and no tests. */
export function strayFiles(paths: readonly string[], manifest: Manifest): string[] {
  const folders = new Set(Object.keys(folderManifests(manifest)));
  const usual = /^(?:dist\/.+\.(?:c?js|js\.map|d\.c?ts)|package\.json|LICENSE|README\.md)$/;
  return paths.filter((path) => !usual.test(path) && !folders.has(path));
}
