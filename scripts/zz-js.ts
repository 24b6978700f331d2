import { join } from 'node:path';
import { rmSync } from 'node:fs';
import { writeModules } from './build.ts';
import { packageFolder, packages, readManifest } from './packages.ts';
const only = process.argv.slice(2);
for (const { folder } of packages) {
  if (only.length && !only.includes(folder)) continue;
  rmSync(join(packageFolder(folder), 'dist'), { recursive: true, force: true });
  await writeModules(packageFolder(folder), readManifest(folder), join(packageFolder(folder), 'dist'));
}
