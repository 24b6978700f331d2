import { formatShape, LatentError, Rng, recordedValue, sameShape, Tensor, ValueError } from '@latent/tensor';

/**
 * Something with parameters. A module's parameters are found by walking its own fields: a field that holds a parameter
 * is one, a field that holds a module (or an array of modules) is a child, and names are the paths: `encoder.0.weight`.
 */
export abstract class Module {
  #training = true;
  #frozen = false;

  /** True while training: dropout and corruption act. Set by `train()` and `eval()`. */
  get training(): boolean {
    return recordedValue(() => this.#training);
  }

  train(): this {
    return this.#setMode(true);
  }

  /** For scoring: dropout is off. */
  eval(): this {
    return this.#setMode(false);
  }

  #setMode(training: boolean): this {
    for (const [, module] of this.namedModules()) module.#training = training;
    return this;
  }

  /** This module and all below it, by path; this one's is ''. */
  *namedModules(path = ''): Generator<[path: string, module: Module]> {
    yield [path, this];
    for (const [name, child] of children(this)) yield* child.namedModules(join(path, name));
  }

  *#entries(): Generator<[name: string, parameter: Tensor]> {
    for (const [path, module] of this.namedModules()) {
      for (const [name, value] of Object.entries(module)) {
        if (value instanceof Tensor && value.node?.isParameter) yield [join(path, name), value];
      }
    }
  }

  namedParameters(): [name: string, parameter: Tensor][] {
    return [...this.#entries()];
  }

  /** The random generators held in fields, by path: with the parameters, all that training changes. */
  generators(): [name: string, generator: Rng][] {
    return [...this.namedModules()].flatMap(([path, module]) =>
      Object.entries(module).flatMap(([name, value]): [string, Rng][] =>
        value instanceof Rng ? [[join(path, name), value]] : [],
      ),
    );
  }

  parameters(): Tensor[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** Leaves the parameters of this module and all below as they are: training passes them by. */
  freeze(): this {
    for (const [, module] of this.namedModules()) module.#frozen = true;
    return this;
  }

  unfreeze(): this {
    for (const [, module] of this.namedModules()) module.#frozen = false;
    return this;
  }

  /** The parameters that are not frozen. */
  trainableParameters(): Tensor[] {
    return [...this.namedModules()].flatMap(([, module]) =>
      module.#frozen
        ? []
        : (Object.values(module).filter((value) => value instanceof Tensor && value.node?.isParameter) as Tensor[]),
    );
  }

  /** Copies of the parameters by name. */
  stateDict(): Record<string, Tensor> {
    return Object.fromEntries(this.namedParameters().map(([name, parameter]) => [name, parameter.clone()]));
  }

  /** Takes over the values of `state`, which must name exactly this module's parameters in their shapes; else nothing changes. */
  loadStateDict(state: Readonly<Record<string, Tensor>>): void {
    const own = new Map(this.namedParameters());
    const problems: string[] = [];
    for (const [name, parameter] of own) {
      if (!Object.hasOwn(state, name)) problems.push(`missing ${name} ${formatShape(parameter.shape)}`);
      else if (!sameShape(state[name].shape, parameter.shape)) {
        problems.push(`${name} must be ${formatShape(parameter.shape)}, got ${formatShape(state[name].shape)}`);
      }
    }
    for (const name of Object.keys(state)) if (!own.has(name)) problems.push(`unexpected ${name}`);
    if (problems.length > 0) throw new ValueError(`loadStateDict: ${problems.join('; ')}`);
    for (const [name, parameter] of own) parameter.assign(state[name]);
  }

  /** A table of the modules with parameters, their shapes and counts, and the total. */
  summary(): string {
    const rows: string[][] = [];
    let total = 0;
    for (const [path, module] of this.namedModules()) {
      const own = Object.entries(module).filter(([, value]) => value instanceof Tensor && value.node?.isParameter) as [
        string,
        Tensor,
      ][];
      if (own.length === 0) continue;
      const count = own.reduce((sum, [, parameter]) => sum + parameter.size, 0);
      total += count;
      rows.push([
        path || '(this)',
        module.constructor.name,
        own.map(([name, parameter]) => `${name} ${formatShape(parameter.shape)}`).join(', '),
        count.toLocaleString('en-US'),
      ]);
    }
    const table = [
      ['module', 'type', 'parameters', 'count'],
      ...rows,
      ['total', '', '', total.toLocaleString('en-US')],
    ];
    const widths = [0, 1, 2, 3].map((column) => Math.max(...table.map((row) => row[column].length)));
    return table
      .map((row) =>
        row
          .map((cell, i) => (i === 3 ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
          .join('  ')
          .trimEnd(),
      )
      .join('\n');
  }
}

/** A module with one input and one output. */
export interface Layer extends Module {
  forward(x: Tensor): Tensor;
}

function join(path: string, name: string): string {
  return path === '' ? name : name === '' ? path : `${path}.${name}`;
}

/** The modules held in fields. `Sequential` names its layers by position, without the field's name. */
function* children(module: Module): Generator<[name: string, child: Module]> {
  for (const [name, value] of Object.entries(module)) {
    if (value instanceof Module) yield [name, value];
    else if (Array.isArray(value)) {
      const prefix = name === 'layers' ? '' : `${name}.`;
      for (const [i, item] of value.entries()) if (item instanceof Module) yield [`${prefix}${i}`, item];
    }
  }
}

/** Runs `forward`; an error from inside gets `name` in front, so that a nested one reads `encoder.0: …`. */
export function inLayer<T>(name: string, forward: () => T): T {
  try {
    return forward();
  } catch (error) {
    if (error instanceof LatentError) throw prefixed(error, name);
    throw error;
  }
}

function prefixed(error: LatentError, name: string): LatentError {
  const path = /^([\w.]+): /.exec(error.message);
  const inside =
    path !== null && (error as { layerPath?: boolean }).layerPath
      ? `${name}.${error.message}`
      : `${name}: ${strip(error.message)}`;
  const copy = new (error.constructor as new (message: string) => LatentError)(inside);
  Object.assign(copy, { layerPath: true, cause: error });
  return copy;
}

/** `linear: expected …` inside a layer reads better without the op's name. */
function strip(message: string): string {
  return message.replace(/^linear: /, '');
}
