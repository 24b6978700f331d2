import { decodeSafetensors, encodeSafetensors, withoutFirstWeights } from '@latent/nn';
import { isPlainObject, LatentError, type Tensor, tensor, UsageError, ValueError } from '@latent/tensor';
import { Calibration } from '../calibrate/conformal.ts';
import { RowCode } from '../encode/row-code.ts';
import type { ColumnImputationError } from '../results.ts';
import { Schema } from '../schema/schema.ts';
import { checkCard, checkHistory } from './card.ts';
import { checkBlends, LinearFill } from './linear-fill.ts';
import { makeMember } from './member.ts';
import { Neighbours } from './neighbours.ts';
import { recipeCheck } from './recipe.ts';
import { HOLES_PER_NUMBER, type TableState } from './state.ts';

const FORMAT = 'latent';
const FILE_VERSION = '5';
const MODEL = 'table';

/** A fitted model as one safetensors file. What is said of columns is bytes beside the tensors: a header has an end, tables need not. */
export function stateToBytes(state: TableState): Uint8Array<ArrayBuffer> {
  const { code, recipe, members, bank, reference, calibration, neighbours, linear, blends } = state;
  const tensors: Record<string, Tensor | Uint8Array> = {};
  members.forEach((member, i) => {
    for (const [name, value] of Object.entries(member.stateDict())) tensors[`member.${i}.${name}`] = value;
  });
  tensors['bank.mean'] = tensor(bank.mean, { shape: [bank.count, bank.latent] });
  tensors['bank.logVariance'] = tensor(bank.logVariance, { shape: [bank.count, bank.latent] });
  tensors['bank.holes'] = tensor(bank.holes, { shape: [bank.count, bank.holes.length / bank.count] });
  tensors['bank.places'] = tensor(Float64Array.from(bank.places), { dtype: 'f64' });
  tensors['reference.rows'] = tensor(reference.rows, { shape: [reference.rows.length / code.width, code.width] });
  tensors['reference.scores'] = tensor(reference.scores);
  tensors['calibration.scores'] = tensor(calibration.scores, { dtype: 'f64' });
  const near = neighbours?.save();
  for (const [name, value] of Object.entries(near?.tensors ?? {})) tensors[`neighbours.${name}`] = value;
  for (const [name, value] of Object.entries(linear?.save() ?? {})) tensors[`linear.${name}`] = value;
  const config = {
    schema: code.schema.toJSON(),
    recipe: { ...recipe, numbers: recipe.numbers.config() },
    seed: state.seed,
  };
  const learned = {
    columns: code.learned,
    members: members.map((member) => JSON.parse(member.metadata().learned ?? '{}') as unknown),
    neighbours: near?.config ?? null,
    neighbourScale: state.neighbourScale,
    blends,
    history: state.history,
    card: state.card,
  };
  const encoder = new TextEncoder();
  tensors.config = encoder.encode(JSON.stringify(config));
  tensors.learned = encoder.encode(JSON.stringify(learned));
  return encodeSafetensors(tensors, { format: FORMAT, version: FILE_VERSION, model: MODEL });
}

/** The model that `stateToBytes` wrote; every part of the file is checked. */
export function stateFromBytes(caller: string, bytes: Uint8Array | ArrayBuffer): TableState {
  const { tensors, bytes: texts, metadata } = decodeSafetensors(bytes);
  if (metadata.format !== FORMAT || metadata.version !== FILE_VERSION || metadata.model !== MODEL) {
    throw new UsageError(`${caller}: expected a file of a table's model, version ${FILE_VERSION}`);
  }
  try {
    return stateOf(
      caller,
      tensors,
      objectOf(caller, 'config', texts.config),
      objectOf(caller, 'learned', texts.learned),
    );
  } catch (error) {
    if (error instanceof LatentError && error.message.startsWith(caller)) throw error;
    const reason = error instanceof LatentError ? error.message : 'its parts do not belong together';
    throw new ValueError(`${caller}: the file's description is not valid: ${reason}`);
  }
}

function stateOf(
  caller: string,
  tensors: Readonly<Record<string, Tensor>>,
  config: Record<string, unknown>,
  learned: Record<string, unknown>,
): TableState {
  const fail = (what: string): never => {
    throw new ValueError(`${caller}: the file's ${what} cannot be read; the file is altered`);
  };
  const schema = Schema.fromJSON(config.schema);
  const recipe = recipeCheck(config.recipe, { caller, path: 'recipe' });
  const { seed } = config;
  if (!Number.isSafeInteger(seed) || (seed as number) < 0) return fail('seed');
  const code = new RowCode(caller, schema, learned.columns);
  const own = Array.isArray(learned.members) ? learned.members : [];
  if (own.length !== recipe.members) return fail('members');
  const members = own.map((known: unknown, i) => {
    const state: Record<string, Tensor> = {};
    const prefix = `member.${i}.`;
    for (const name of Object.keys(tensors)) {
      if (name.startsWith(prefix)) state[name.slice(prefix.length)] = tensors[name] as Tensor;
    }
    const numbers = Object.values(state).reduce((sum, x) => sum + x.size, 0);
    const member = withoutFirstWeights(caller, numbers, () => makeMember(code, recipe, seed as number, i));
    member.loadStateDict(state);
    if (!isPlainObject(known)) return fail('members');
    member.restoreLearned(caller, known);
    return member;
  });
  const numbersOf = (name: string, width: number | null): ArrayLike<number> => {
    const found = tensors[name];
    const fits = found !== undefined && (width === null ? found.shape.length === 1 : found.shape[1] === width);
    return fits ? found.data : fail(name);
  };
  const finite = (name: string, width: number | null): Float32Array => {
    const values = Float32Array.from(numbersOf(name, width));
    return values.every(Number.isFinite) ? values : fail(name);
  };
  const latent = recipe.latentSize;
  const mean = finite('bank.mean', latent);
  const logVariance = finite('bank.logVariance', latent);
  const places = Uint32Array.from(numbersOf('bank.places', null));
  const holes = finite('bank.holes', Math.ceil(code.columns.length / HOLES_PER_NUMBER));
  if (holes.length !== places.length * Math.ceil(code.columns.length / HOLES_PER_NUMBER)) return fail('bank.holes');
  if (mean.length !== logVariance.length || places.length * latent !== mean.length || places.length === 0)
    return fail('bank');
  const rows = Float32Array.from(numbersOf('reference.rows', code.width));
  if (rows.some((value) => Math.abs(value) === Infinity)) return fail('reference.rows');
  const scores = finite('reference.scores', null);
  if (scores.length * code.width !== rows.length || scores.length === 0) return fail('reference');
  const calibration = new Calibration(numbersOf('calibration.scores', null));
  if (calibration.rows === 0) return fail('calibration.scores');
  const { neighbourScale } = learned;
  if (typeof neighbourScale !== 'number' || !(neighbourScale >= 0 && neighbourScale < Infinity))
    return fail('neighbours');
  const neighbours =
    learned.neighbours === null
      ? null
      : Neighbours.load(
          learned.neighbours,
          { rows: tensors['neighbours.rows'], penalties: tensors['neighbours.penalties'] },
          code.columns.length,
          fail,
        );
  const linear =
    !recipe.linear || !LinearFill.suits(code)
      ? null
      : LinearFill.load(
          code,
          { mean: tensors['linear.mean'], std: tensors['linear.std'], precision: tensors['linear.precision'] },
          fail,
        );
  const card = checkCard(caller, learned.card);
  if (card.calibration.rows !== calibration.rows) return fail('calibration.scores');
  return {
    code,
    recipe,
    seed: seed as number,
    members,
    calibration,
    neighbours,
    neighbourScale,
    reference: { rows, scores },
    bank: { count: places.length, latent, mean, logVariance, holes, places },
    linear,
    blends: checkBlends(learned.blends, code.columns.length, fail),
    imputation: card.imputation as readonly ColumnImputationError[],
    history: checkHistory(caller, learned.history),
    card,
  };
}

function objectOf(caller: string, name: string, text: Uint8Array | undefined): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch {
    value = undefined;
  }
  if (!isPlainObject(value))
    throw new ValueError(`${caller}: the file's ${name} is not an object; the file is altered`);
  return value;
}
