import {
  ArrayDataset,
  type BatchSpec,
  decodeSafetensors,
  encodeSafetensors,
  type FlatRows,
  type Rows,
  type Trainable,
} from '@latent/nn';
import { describeValue, refuseUnknown, type Shape, Tensor, tensor, UsageError } from '@latent/tensor';
import { Model, modelFromBytes, modelNames } from '@latent/vae';
import type { RowsOf } from '../data/given.ts';
import { type ModelKind, registeredKinds, type ScoreOptions, type Scores, UnknownModel } from './kind.ts';

/** Methods of Latent's models that give numbers of each row, each by that row alone. */
const METHODS = [
  'elbo',
  'contributions',
  'reconstructionError',
  'reconstructionLogProbability',
  'logReconstructionProbability',
  'logLikelihood',
  'encode',
  'reconstruct',
  'predict',
  'predictProbability',
] as const;

type Method = (rows: Rows, options?: ScoreOptions) => unknown;

/** What a method gave, by name: of a single tensor or list the method's own. */
function asScores(method: string, value: unknown): Scores {
  if (value instanceof Tensor) return { [method]: value };
  if (Array.isArray(value)) return { [method]: tensor(Float64Array.from(value as number[])) };
  return value as Scores;
}

function asTensor({ values, count }: FlatRows, shape: Shape): Tensor {
  return tensor(values as Float32Array, { shape: [count, ...shape] });
}

/** Every model of @latent/vae, and of packages above that are such models: it is its own file. */
const latentModel: ModelKind<Model<string>> = {
  name: 'model',
  is: (model): model is Model<string> => model instanceof Model,
  toBytes: (model) => model.toBytes(),
  fromBytes(bytes, { own = {} }) {
    try {
      return modelFromBytes(bytes, own) as unknown as Model<string>;
    } catch (error) {
      const name = decodeSafetensors(bytes).metadata.model;
      if (name === undefined || modelNames().includes(name)) throw error;
      throw new UnknownModel(name, modelNames());
    }
  },
  adopt(model, trained) {
    model.takeLearned(trained as unknown as Model);
    model.loadStateDict(trained.stateDict());
  },
  spec(model, asked): BatchSpec {
    const { condition } = model.besideSpec;
    // Scores are asked of rows, given what stands for a condition; labels and targets are for training.
    return { x: model.event, ...(asked === 'fit' ? model.besideSpec : condition && { condition }) };
  },
  holes: (model) => model.takesHoles,
  flatRows: (model, caller, rows) => model.flatRows(caller, rows),
  takesAllRows: (model) => model.takesAllRows,
  learn: (model, data) => model.learn(data),
  // Sequences are put on their scale where they are in memory.
  scaled: (model, data) => (model.sequence === null || data instanceof ArrayDataset ? model.scaled(data) : data),
  begin: (model, data) => model.begin(data),
  rng: (model) => model.rng,
  scores: Object.fromEntries(
    METHODS.map((method) => [
      method,
      (model: Model<string>, rows, options, beside) => {
        const own = (model as unknown as Readonly<Record<string, Method | undefined>>)[method];
        if (own === undefined) {
          const has = METHODS.filter(
            (name) => typeof (model as unknown as Record<string, unknown>)[name] === 'function',
          );
          throw new UsageError(
            `distributedScore: this model has no ${method}; it is ${describeValue(model)}, which has ${has.join(', ')}`,
          );
        }
        const x = asTensor(rows, model.event);
        const given = beside.condition && { condition: asTensor(beside.condition, [beside.condition.width]) };
        const asked = { ...given, ...options };
        return asScores(method, own.call(model, x, ...(Object.keys(asked).length > 0 ? [asked] : [])));
      },
    ]),
  ),
};

const MADE_BY = 'madeBy';
/** By what name a worker's module makes a model. */
const names = new WeakMap<Trainable<string>, string>();

/** Says by which name workers make a model of the caller's own. */
export function nameModel(model: Trainable<string>, name: string): void {
  names.set(model, name);
}

/** A module of the caller's own with parts(batch, rng): workers make it by name, and its weights travel. */
const ownModel: ModelKind = {
  name: 'own',
  is: (model): model is Trainable<string> => {
    const given = model as Partial<Trainable<string>> | null;
    return typeof given?.parts === 'function' && typeof given.stateDict === 'function';
  },
  toBytes(model) {
    const name = names.get(model);
    if (name === undefined) {
      throw new UsageError(
        "distributedFit: say by which name workers make this model: { as: 'name' }, with models: { name: () => … } in their module",
      );
    }
    return encodeSafetensors(model.stateDict(), { [MADE_BY]: name });
  },
  fromBytes(bytes, { models = {} }) {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const name = metadata[MADE_BY] ?? '';
    const make = Object.hasOwn(models, name) ? models[name] : undefined;
    if (make === undefined) refuseUnknown('worker', "model in the worker's module", name, Object.keys(models));
    const model = make();
    model.loadStateDict({ ...tensors });
    names.set(model, name);
    return model;
  },
  adopt: (model, trained) => model.loadStateDict(trained.stateDict()),
  scores: {},
};

/** All kinds, in the order in which they are asked. */
function kinds(): readonly ModelKind[] {
  return [...registeredKinds, latentModel as unknown as ModelKind, ownModel];
}

/** The kind that a model is of. */
export function kindOf(caller: string, model: unknown): ModelKind {
  const kind = kinds().find((each) => each.is(model));
  if (kind !== undefined) return kind;
  throw new UsageError(`${caller}: the model must be a module with parts(batch, rng), such as a Vae`);
}

/** What a model says of the rows that are asked about. */
export function rowsOf(kind: ModelKind, model: Trainable<string>, asked: 'fit' | 'score'): RowsOf {
  const { flatRows } = kind;
  return {
    spec: kind.spec?.(model, asked) ?? null,
    holes: kind.holes?.(model) ?? false,
    alone: asked === 'score',
    ...(flatRows && { flatRows: (caller: string, rows: Rows) => flatRows(model, caller, rows) }),
  };
}

/** The kind of this name. */
export function kindNamed(name: string): ModelKind {
  const kind = kinds().find((each) => each.name === name);
  if (kind !== undefined) return kind;
  throw new UnknownModel(
    name,
    kinds().map((each) => each.name),
  );
}
