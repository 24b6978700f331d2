// Bundles `entry` for browsers as a newcomer to each bundler would: `node bundle.js <bundler> <entry> <folder>` writes `<folder>/app.js`.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as esbuild } from 'esbuild';

const [name, entry, folder] = process.argv.slice(2);
const file = join(folder, 'app.js');

const bundlers = {
  async esbuild() {
    await esbuild({
      entryPoints: [entry],
      bundle: true,
      minify: true,
      format: 'esm',
      outfile: file,
      logLevel: 'warning',
    });
  },

  async rollup() {
    const { rollup } = await import('rollup');
    const { default: resolve } = await import('@rollup/plugin-node-resolve');
    const { default: commonjs } = await import('@rollup/plugin-commonjs');
    const build = await rollup({
      input: entry,
      plugins: [resolve({ browser: true }), commonjs({ transformMixedEsModules: true })],
      onwarn: (warning) => {
        throw new Error(warning.message);
      },
    });
    await build.write({ file, format: 'es' });
  },

  async webpack() {
    const { default: webpack } = await import('webpack');
    const output = { path: folder, filename: 'app.js' };
    const config = { mode: 'production', context: dirname(entry), entry, output, performance: { hints: false } };
    const stats = await new Promise((resolve, reject) => {
      webpack(config, (error, result) => (error ? reject(error) : resolve(result)));
    });
    if (stats.hasErrors() || stats.hasWarnings()) throw new Error(stats.toString());
  },

  async vite() {
    const { build } = await import('vite');
    const rollupOptions = { input: entry, output: { entryFileNames: 'app.js' } };
    await build({
      root: dirname(entry),
      configFile: false,
      logLevel: 'warn',
      build: { outDir: folder, emptyOutDir: false, modulePreload: false, rollupOptions },
    });
  },

  async parcel() {
    const { Parcel } = (await import('@parcel/core')).default;
    const bundler = new Parcel({
      entries: [entry],
      defaultConfig: fileURLToPath(import.meta.resolve('@parcel/config-default')),
      mode: 'production',
      targets: { app: { distDir: folder, distEntry: 'app.js', context: 'browser', sourceMap: false } },
      cacheDir: join(folder, 'cache'),
      shouldDisableCache: true,
    });
    await bundler.run();
  },
};

await bundlers[name]();
