import { spawnSync } from 'node:child_process';
import { peerFile } from './programs.ts';
import type { ScalingPoint } from './scaling.ts';

/** A line for each width over the batch size, both axes logarithmic, as SVG. Drawn by Vega-Lite, installed with the peers. */
export function scalingPlot(points: readonly ScalingPoint[], title: string): string {
  const spec = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title,
    width: 460,
    height: 300,
    background: 'white',
    data: { values: points },
    mark: { type: 'line', point: true },
    encoding: {
      x: { field: 'batch', type: 'quantitative', scale: { type: 'log', base: 2 }, title: 'rows in a batch' },
      y: { field: 'microsecondsPerRow', type: 'quantitative', scale: { type: 'log' }, title: 'µs per row' },
      color: { field: 'width', type: 'ordinal', title: 'width' },
    },
  };
  const { stdout, stderr, status } = spawnSync(process.execPath, [peerFile('plot.js')], {
    input: JSON.stringify(spec),
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`plot: ${stderr}`);
  return stdout;
}
