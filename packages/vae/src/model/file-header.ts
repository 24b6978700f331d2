import { describeValue, isPlainObject, refuseUnknown, shortText, UsageError, ValueError } from '@latent/tensor';
import type { Model, ModelClass } from './model.ts';

/** Of all model files. */
export const FORMAT = 'latent';
export const VERSION = '3';

const classes = /* @__PURE__ */ new Map<string, ModelClass<Model>>();

/** Makes a class of models known to `loadModel` and to models that hold others. A name that stands for another is refused. */
export function registerModel(type: ModelClass<Model>): void {
  const name: unknown = (type as Partial<ModelClass<Model>> | null | undefined)?.modelName;
  if (typeof type !== 'function' || typeof name !== 'string' || name === '') {
    throw new ValueError(
      `registerModel: expected a class of models with a name for files, static readonly modelName, got ${describeValue(type)}`,
    );
  }
  knownAs(type, name);
}

/**
 * Makes a class known by a name for files, which it gives back: the value of the class's own `modelName`, so that the class is known
 * wherever it is part of the program, and no bundle keeps it for that alone.
 */
export function knownAs(type: ModelClass<Model<never>>, name: string): string {
  const known = classes.get(name);
  if (known !== undefined && known !== (type as unknown)) {
    throw new ValueError(
      `registerModel: there is a model '${name}' already; give the class a name of its own: static readonly modelName`,
    );
  }
  classes.set(name, type as unknown as ModelClass<Model>);
  return name;
}

/** The names that files may have of their models. */
export function modelNames(): readonly string[] {
  return [...classes.keys()];
}

export function modelClass(name: string): ModelClass<Model> | undefined {
  return classes.get(name);
}

/** The class that a file's model is of. */
export function knownModel(caller: string, name: string): ModelClass<Model> {
  const known = classes.get(name);
  if (known !== undefined) return known;
  if (!/^[a-z]\w{0,40}$/i.test(name)) refuseUnknown(caller, 'model', name, modelNames());
  const remedy = `; a bundle knows the models that its program uses: for others, export { ${displayName(name)} } from '@latent/vae' in it`;
  return refuseUnknown(caller, 'model', name, modelNames(), remedy);
}

/** What errors call models of a class; names of classes themselves do not survive minifying. */
export function displayName(modelName: string): string {
  return modelName.charAt(0).toUpperCase() + modelName.slice(1);
}

/** What errors call a model. */
export function nameOf(model: Model<never>): string {
  return displayName((model.constructor as unknown as ModelClass<Model<never>>).modelName);
}

/** What a model's file says of it, its form checked and its contents not yet. */
export interface FileHeader {
  readonly model: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly learned: Readonly<Record<string, unknown>>;
}

export function readHeader(caller: string, metadata: Readonly<Record<string, string>>): FileHeader {
  const { format, version, model, config, learned } = metadata;
  if (format === undefined) {
    throw new UsageError(
      `${caller}: the file holds tensors and no model; take them over by name with model.loadStateDict(decodeSafetensors(bytes).tensors, { rename })`,
    );
  }
  if (format !== FORMAT || version !== VERSION) {
    const got = format === FORMAT ? `version ${shortText(String(version))}` : `format ${shortText(format)}`;
    throw new UsageError(`${caller}: the file has ${got}, expected format ${FORMAT} of version ${VERSION}`);
  }
  return { model: model ?? '', config: json(caller, 'config', config), learned: json(caller, 'learned', learned) };
}

function json(caller: string, name: string, text: string | undefined): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '');
  } catch {
    value = undefined;
  }
  if (!isPlainObject(value))
    throw new ValueError(`${caller}: the file's ${name} is not an object; the file is altered`);
  return value;
}
