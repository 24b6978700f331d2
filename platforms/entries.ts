/**
 * A program that imports and requires each of `names` and prints 'ok', or what is wrong. A loader that gives `import` and
 * `require` different files makes two engines, which cannot read each other's tensors.
 */
export function entriesProgram(names: readonly string[]): string {
  const own = ['default', '__esModule', 'module.exports'];
  return `
import { createRequire } from 'node:module';
${names.map((name, i) => `import * as e${i} from '${name}';`).join('\n')}
const require = createRequire(import.meta.url);
const wrong = [];
const compare = (name, imported) => {
  const required = require(name);
  const keys = Object.keys({ ...imported, ...required }).filter((key) => !${JSON.stringify(own)}.includes(key));
  if (keys.length === 0) wrong.push(name + ' is empty');
  for (const key of keys) if (imported[key] !== required[key]) wrong.push('two copies of ' + key + ' of ' + name);
};
${names.map((name, i) => `compare('${name}', e${i});`).join('\n')}
console.log(wrong.join('\\n') || 'ok');
`;
}
