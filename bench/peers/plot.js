// Reads a Vega-Lite specification and writes it as SVG.
import { parse, View } from 'vega';
import { compile } from 'vega-lite';

let input = '';
for await (const chunk of process.stdin) input += chunk;
const view = new View(parse(compile(JSON.parse(input)).spec), { renderer: 'none' });
process.stdout.write(`${await view.toSVG()}\n`);
