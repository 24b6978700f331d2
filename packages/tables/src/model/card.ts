import { ValueError } from '@latent/tensor';
import type { Card, TableHistory } from '../results.ts';

/** Of this package, in cards and files. */
export const VERSION = '0.1.0';

const template: Card = {
  library: '',
  version: '',
  task: '',
  created: '',
  seed: 0,
  seconds: 0,
  rows: { given: 0, learned: 0, watched: 0, calibration: 0 },
  columns: [{ name: '', kind: '', holes: 0, why: '' }],
  model: {
    members: 0,
    hidden: [0],
    latentSize: 0,
    activation: '',
    numbers: '',
    likelihood: '',
    parameters: 0,
    epochs: 0,
  },
  loss: { model: 0, null: 0, nullWins: false },
  calibration: { rows: 0, smallestRate: 0 },
  imputation: [{ column: '', measure: 'rmse', error: 0, baseline: 0, cells: 0, better: false }],
  warnings: [''],
  limits: [''],
};

const historyTemplate: TableHistory = {
  members: [{ epochs: [{ epoch: 0, loss: 0, reconstruction: 0, kl: 0, validation: 0 }], best: 0, stopped: '' }],
  nullLoss: 0,
};

/** Whether a value is built like an example: the same fields, the same types. */
function isLike(example: unknown, value: unknown): boolean {
  if (Array.isArray(example)) return Array.isArray(value) && value.every((element) => isLike(example[0], element));
  if (typeof example === 'number') return typeof value === 'number' && Number.isFinite(value);
  if (typeof example !== 'object' || example === null) return typeof example === typeof value;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const own = value as Record<string, unknown>;
  if (Object.keys(own).some((name) => !Object.hasOwn(example, name))) return false;
  return Object.entries(example).every(([name, field]) => Object.hasOwn(own, name) && isLike(field, own[name]));
}

/** The card that a file has. */
export function checkCard(caller: string, value: unknown): Card {
  const measures = isLike(template, value) ? (value as Card).imputation.map(({ measure }) => measure as string) : [''];
  if (measures.some((measure) => measure !== 'rmse' && measure !== 'wrong'))
    throw new ValueError(`${caller}: the card is not one that a model gives; it is altered`);
  return value as Card;
}

/** The history that a file has. */
export function checkHistory(caller: string, value: unknown): TableHistory {
  if (!isLike(historyTemplate, value))
    throw new ValueError(`${caller}: the file's history is not one; the file is altered`);
  return value as TableHistory;
}

/** What holds for every model of a table. */
export const LIMITS: readonly string[] = [
  'Rates of false alarms hold for rows that are exchangeable with the calibration rows; where data drift they do not.',
  'Synthetic rows are drawn around learned ones. Their distance to these can be measured; it is no guarantee of privacy.',
  'The file holds coded calibration rows and codes of learned rows: treat it like the data. It holds no id and no text.',
];

/** A card as Markdown. */
export function cardMarkdown(given: Card): string {
  const card = checkCard('cardMarkdown', given);
  const { rows, model, loss, calibration } = card;
  const cell = (text: string): string =>
    text.replace(/[|\\<>&`*_[\]]/g, (c) => `&#${c.charCodeAt(0)};`).replace(/\s+/g, ' ');
  const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
  return [
    `# Model card: ${card.task}`,
    '',
    `Made with ${card.library} ${card.version} on ${card.created}, seed ${card.seed}, in ${card.seconds.toFixed(1)} s.`,
    '',
    '## Data',
    '',
    `${rows.given} rows: ${rows.learned} learned, ${rows.watched} watched, ${rows.calibration} to calibrate.`,
    '',
    '| column | kind | holes | why |',
    '|---|---|---|---|',
    ...card.columns.map(
      ({ name, kind, holes, why }) => `| ${cell(name)} | ${kind} | ${percent(holes)} | ${cell(why)} |`,
    ),
    '',
    '## Model',
    '',
    `${model.members} × ${model.hidden.join('–')}, ${model.latentSize} latents, ${model.activation}; numbers by ${model.numbers}, ${model.likelihood}; ${model.parameters} parameters, ${model.epochs} epochs.`,
    '',
    `Watched rows cost ${loss.model.toFixed(3)} nats each; with columns that know nothing of each other ${loss.null.toFixed(3)}.${loss.nullWins ? ' **The null wins.**' : ''}`,
    '',
    '## Calibration',
    '',
    `${calibration.rows} rows; the smallest rate of false alarms that can be promised is ${calibration.smallestRate.toPrecision(3)}.`,
    '',
    ...(card.imputation.length === 0
      ? []
      : [
          '## Imputation',
          '',
          '| column | measure | error | mean or mode | cells |',
          '|---|---|---|---|---|',
          ...card.imputation.map(
            ({ column, measure, error, baseline, cells, better }) =>
              `| ${cell(column)} | ${measure} | ${error.toPrecision(3)}${better ? '' : ' (not better)'} | ${baseline.toPrecision(3)} | ${cells} |`,
          ),
          '',
        ]),
    '## Limits',
    '',
    ...[...card.warnings, ...card.limits].map((line) => `- ${cell(line)}`),
    '',
  ].join('\n');
}
