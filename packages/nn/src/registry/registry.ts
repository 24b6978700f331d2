import {
  type Check,
  type Checked,
  type Checks,
  callable,
  checkNames,
  checkOptions,
  describeValue,
  isPlainObject,
  type Place,
  refuse,
  refuseUnknown,
  text,
  ValueError,
} from '@latent/tensor';

/** A part as JSON: what it is called and its options. Parts among the options are such objects too. */
export interface PartConfig {
  readonly name: string;
  readonly [option: string]: unknown;
}

/** A value that a model or a run is made of, and that its file describes: a likelihood, an optimizer, a layer. */
export interface Part {
  readonly name: string;
  config(): PartConfig;
}

/** What there is to say of a part before it is made: its options with their checks, and how it is built. */
export interface Definition<T extends Part, S extends Checks = Checks> {
  readonly kind: Kind<T>;
  readonly name: string;
  readonly options: S;
  /** The part with these options, which are checked; `at` is where they stand, for errors. */
  make(options?: unknown, at?: Place): T;
  /** The same with some of the options given apart from the others, as `dense(units, options)` does. */
  with(given: Readonly<Partial<Record<keyof S, unknown>>>, options?: unknown): T;
}

/** How a part is built from its checked options; `name` and `config` are added to it. */
export interface PartSpec<T extends Part, S extends Checks> {
  readonly options: S;
  /** What errors call it; its name by default. */
  readonly caller?: string;
  build(options: Checked<S>, caller: string): Omit<T, 'name' | 'config'>;
}

/** Parts within parts may go this deep, and be this many in all: a file that goes further is no model. */
const DEEPEST = 16;
const MOST_WITHIN = 4096;

/**
 * One kind of parts and those that are known of it, by name. Files are read through it: a name that is not known, an option
 * that does not exist and a value that cannot be are refused with the path to the field. Parts of your own come in by the
 * same door:
 *
 * ```ts
 * const tanhShrink = layers.define('tanhShrink', { options: {}, build: () => ({ … }) });
 * ```
 */
export class Kind<T extends Part> {
  readonly name: string;
  readonly #definitions = new Map<string, Definition<T>>();

  /** Where the function is that makes the part of a name: `{ lstm }` and its package. */
  readonly source: (part: string) => string;

  /**
   * `source`: where the function is that makes the part of a name, as it stands in an export of a prior: `{ vampPrior } from` the
   * package. For the error of files that name a part which a bundle has left out.
   */
  constructor(name: string, source: (part: string) => string = () => '') {
    this.name = text()(name, { caller: 'Kind', path: 'name' });
    this.source = callable<(part: string) => string>()(source, { caller: 'Kind', path: 'source' });
  }

  /** Makes a part known, so that files that name it can be read; gives back the function that makes it. */
  define<S extends Checks>(name: string, spec: PartSpec<T, S>): (options?: unknown) => T {
    const definition = this.known(name, spec);
    return (options) => definition.make(options);
  }

  /** A definition that files know wherever it is part of the program: always, but for bundles, which hold what their program uses. */
  known<S extends Checks>(name: string, spec: PartSpec<T, S>): Definition<T, S> {
    const definition = this.part(name, spec);
    this.register(definition);
    return definition;
  }

  /** A definition that files do not know until it is registered. */
  part<S extends Checks>(name: string, spec: PartSpec<T, S>): Definition<T, S> {
    if (typeof name !== 'string' || name === '') {
      throw new ValueError(`${this.name}: a part needs a name, got ${describeValue(name)}`);
    }
    const at = { caller: `${this.name}: '${name}'`, path: 'what it is' };
    if (!isPlainObject(spec) || !isPlainObject(spec.options)) refuse(at, '{ options, build }', spec);
    callable()(spec.build, { ...at, path: 'build' });
    for (const taken of ['name', 'config']) {
      if (Object.hasOwn(spec.options, taken)) {
        throw new ValueError(`${this.name}: '${name}' cannot have an option '${taken}', which says what the part is`);
      }
    }
    const caller = spec.caller ?? name;
    const make = (options?: unknown, { caller: asker, path }: Place = { caller, path: '' }): T => {
      const checked = checkOptions(asker, options, spec.options, path);
      const at = path === '' ? asker : `${asker}: ${path}`;
      const { depth, within } = extentOf(checked);
      if (depth > DEEPEST) throw new ValueError(`${at}: parts within parts go ${DEEPEST} levels at most, got ${depth}`);
      if (within > MOST_WITHIN) throw tooMany(at);
      const built = spec.build(checked, at);
      const config = (): PartConfig => ({ name, ...(toJson(checked, name) as object) });
      return Object.defineProperties(built, {
        name: { value: name, enumerable: true },
        config: { value: config, enumerable: true },
        [KIND]: { value: this },
        [EXTENT]: { value: { depth, within } },
      }) as T;
    };
    const others = Object.keys(spec.options);
    return {
      kind: this,
      name,
      options: spec.options,
      make,
      with(given, options = {}) {
        checkNames(
          caller,
          options,
          others.filter((option) => !Object.hasOwn(given, option)),
        );
        return make({ ...(options as object), ...given });
      },
    };
  }

  /** Makes parts known by their names, and gives this kind back. A name that stands for another part already is refused. */
  register(...definitions: readonly Definition<T>[]): this {
    for (const definition of definitions) {
      const known = this.#definitions.get(definition.name);
      if (known !== undefined && known !== definition) {
        throw new ValueError(`${this.name}: there is one named '${definition.name}' already; choose another name`);
      }
      this.#definitions.set(definition.name, definition);
    }
    return this;
  }

  /** What brings a part into a bundle, where its name could be one's. */
  #remedy(name: string): string {
    const source = /^[a-z]\w{0,40}$/i.test(name) ? this.source(name) : '';
    return source === '' ? '' : `; a bundle knows the parts that its program uses: for others, export ${source} in it`;
  }

  /** The names that files may use. */
  names(): readonly string[] {
    return [...this.#definitions.keys()];
  }

  definition(name: string): Definition<T> | undefined {
    return this.#definitions.get(name);
  }

  /** Whether a value is a part of this kind. */
  is(value: unknown): value is T {
    return typeof value === 'object' && value !== null && (value as { [KIND]?: unknown })[KIND] === this;
  }

  /** The part that `config` describes. Every field is checked; errors name its path. */
  resolve(config: unknown, at: Place): T {
    if (!isPlainObject(config)) {
      throw new ValueError(
        `${at.caller}: ${at.path} must be a ${this.name} such as { name: … }, got ${describeValue(config)}`,
      );
    }
    const { name, ...options } = config;
    if (typeof name !== 'string') {
      throw new ValueError(`${at.caller}: ${at.path}.name must be text, got ${describeValue(name)}`);
    }
    const definition = this.#definitions.get(name);
    if (definition === undefined) {
      refuseUnknown(at.caller, `${this.name} (${at.path})`, name, this.names(), this.#remedy(name));
    }
    if (depth === 0) made = 0;
    else if (++made > MOST_WITHIN) throw tooMany(`${at.caller}: ${at.path.slice(0, 60)}…`);
    if (depth >= DEEPEST) {
      throw new ValueError(
        `${at.caller}: ${at.path.slice(0, 60)}… lies too deep; parts within parts go ${DEEPEST} levels at most`,
      );
    }
    depth++;
    try {
      return definition.make(options, at);
    } finally {
      depth--;
    }
  }
}

/** Known to every copy of this package. */
const KIND = Symbol.for('latent.kind');
const EXTENT = Symbol('extent');
/** Of parts that are being resolved: how deep, and how many within the outermost so far. */
let depth = 0;
let made = 0;

/** How deep a part goes, itself counted, and how many there are within it. */
interface Extent {
  readonly depth: number;
  readonly within: number;
}

/** Of the part that has these options. */
function extentOf(options: unknown): Extent {
  let [depth, within] = [0, 0];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
    if (EXTENT in value) {
      const inner = value[EXTENT] as Extent;
      depth = Math.max(depth, inner.depth);
      within += 1 + inner.within;
    } else if (Array.isArray(value) || isPlainObject(value)) Object.values(value).forEach(visit);
  };
  visit(options);
  return { depth: depth + 1, within };
}

function tooMany(at: string): ValueError {
  return new ValueError(`${at}: there are more than ${MOST_WITHIN} parts within one`);
}

/** A check for a part of this kind: the part itself, or its description as a file has it. */
export function partOf<T extends Part>(kind: Kind<T>, example: string): Check<T> {
  return (value, at) => {
    if (kind.is(value)) return value;
    if (isPlainObject(value) && 'name' in value && !('config' in value)) return kind.resolve(value, at);
    throw new ValueError(
      `${at.caller}: ${at.path} must be a ${kind.name} such as ${example}, got ${describeValue(value)}${remedyFor(value)}`,
    );
  };
}

/** What may be wrong with something that looks like a part. */
function remedyFor(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  if (KIND in value) {
    const { name } = value[KIND] as { readonly name?: unknown };
    return `, which is a ${String(name)} or comes from another copy of @latent/nn`;
  }
  return 'config' in value ? '; parts of your own are made by `define` of their kind, so that files can name them' : '';
}

/**
 * A checked option as JSON: parts become their descriptions, arrays of numbers lists. What a file cannot hold, and would come
 * back as something else, is refused by its path.
 */
export function toJson(value: unknown, path: string): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'object') {
    if ('config' in value && typeof value.config === 'function') return (value as Part).config();
    if (Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value)) {
      return Array.from(value as ArrayLike<unknown>, (element, i) => toJson(element, `${path}[${i}]`));
    }
    if (isPlainObject(value)) {
      const entries = Object.entries(value).filter(([, field]) => field !== undefined);
      return Object.fromEntries(entries.map(([name, field]) => [name, toJson(field, `${path}.${name}`)]));
    }
  }
  throw new ValueError(
    `${path}: a file cannot hold ${describeValue(value)}; take options of numbers, text, lists and parts`,
  );
}
