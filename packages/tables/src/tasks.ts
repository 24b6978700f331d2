import { readFileBytes } from '@latent/nn';
import { fitted, type TableOptions } from './fit/options.ts';
import type { TableInput } from './input/source.ts';
import { stateFromBytes } from './model/file.ts';
import type { Task } from './model/recipe.ts';
import type { AnyRow } from './results.ts';
import { TableModel } from './table-model.ts';

/** A model of a table that is best at telling odd rows. */
export class AnomalyDetector<Row extends object = AnyRow> extends TableModel<Row> {
  static override readonly task: Task = 'anomalies';

  static override async fit<Row extends object>(
    rows: TableInput<Row>,
    options: TableOptions<Row> = {},
  ): Promise<AnomalyDetector<Row>> {
    return new AnomalyDetector<Row>(await fitted(rows, options, AnomalyDetector.task), options);
  }

  static override fromBytes<Row extends object = AnyRow>(bytes: Uint8Array | ArrayBuffer): AnomalyDetector<Row> {
    return new AnomalyDetector<Row>(stateFromBytes('AnomalyDetector.fromBytes', bytes));
  }

  static override async load<Row extends object = AnyRow>(path: string): Promise<AnomalyDetector<Row>> {
    return AnomalyDetector.fromBytes<Row>(await readFileBytes(path));
  }
}

/** A model of a table that is best at filling holes. */
export class Imputer<Row extends object = AnyRow> extends TableModel<Row> {
  static override readonly task: Task = 'imputation';

  static override async fit<Row extends object>(
    rows: TableInput<Row>,
    options: TableOptions<Row> = {},
  ): Promise<Imputer<Row>> {
    return new Imputer<Row>(await fitted(rows, options, Imputer.task), options);
  }

  static override fromBytes<Row extends object = AnyRow>(bytes: Uint8Array | ArrayBuffer): Imputer<Row> {
    return new Imputer<Row>(stateFromBytes('Imputer.fromBytes', bytes));
  }

  static override async load<Row extends object = AnyRow>(path: string): Promise<Imputer<Row>> {
    return Imputer.fromBytes<Row>(await readFileBytes(path));
  }
}

/** A model of a table that is best at making rows. */
export class Synthesizer<Row extends object = AnyRow> extends TableModel<Row> {
  static override readonly task: Task = 'synthesis';

  static override async fit<Row extends object>(
    rows: TableInput<Row>,
    options: TableOptions<Row> = {},
  ): Promise<Synthesizer<Row>> {
    return new Synthesizer<Row>(await fitted(rows, options, Synthesizer.task), options);
  }

  static override fromBytes<Row extends object = AnyRow>(bytes: Uint8Array | ArrayBuffer): Synthesizer<Row> {
    return new Synthesizer<Row>(stateFromBytes('Synthesizer.fromBytes', bytes));
  }

  static override async load<Row extends object = AnyRow>(path: string): Promise<Synthesizer<Row>> {
    return Synthesizer.fromBytes<Row>(await readFileBytes(path));
  }
}

/** A model of a table that is best at codes: what is alike is near. */
export class Embedder<Row extends object = AnyRow> extends TableModel<Row> {
  static override readonly task: Task = 'embedding';

  static override async fit<Row extends object>(
    rows: TableInput<Row>,
    options: TableOptions<Row> = {},
  ): Promise<Embedder<Row>> {
    return new Embedder<Row>(await fitted(rows, options, Embedder.task), options);
  }

  static override fromBytes<Row extends object = AnyRow>(bytes: Uint8Array | ArrayBuffer): Embedder<Row> {
    return new Embedder<Row>(stateFromBytes('Embedder.fromBytes', bytes));
  }

  static override async load<Row extends object = AnyRow>(path: string): Promise<Embedder<Row>> {
    return Embedder.fromBytes<Row>(await readFileBytes(path));
  }
}
