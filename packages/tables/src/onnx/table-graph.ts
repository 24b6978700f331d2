import { Graph, type Value } from '@latent/onnx/graph';
import type { TableState } from '../model/state.ts';
import { codedRows, type Scales, scalesOf } from './coded-rows.ts';
import { type Cells, cellsOf, type InputOptions } from './inputs.ts';

/** A graph of a table's model: cells come in column by column, and become the rows that its members see. */
export class TableGraph {
  readonly graph = new Graph();
  readonly state: TableState;
  readonly cells: Cells;
  readonly scales: Scales;
  /** [N, width]. */
  readonly coded: Value;

  constructor(state: TableState, options: InputOptions, outputs: readonly string[]) {
    this.state = state;
    const axes = state.neighbours?.config.axes ?? null;
    this.cells = cellsOf(this.graph, state.code, axes, options, ['eps', ...outputs]);
    this.scales = scalesOf(state.code);
    this.coded = codedRows(this.graph, state.code, this.scales, this.cells);
  }
}
