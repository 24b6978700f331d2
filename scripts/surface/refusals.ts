// Calls every public function of a package with every value that its declaration rules out.
import { Module } from '@latent/nn';
import { LatentError } from '@latent/tensor';
import { type Attempt, type Callable, declaredCallables } from './declared.ts';
import * as words from './words.ts';

/** What is known of a package's callables beside their declarations. */
export interface Surface {
  /** The folder of the package. */
  readonly folder: string;
  readonly exports: Readonly<Record<string, unknown>>;
  /** Good values, made anew for each call, by the declared type. */
  readonly values: Readonly<Record<string, () => unknown>>;
  /** Good arguments of single callables, where those of the types do not do. */
  readonly calls: Readonly<Record<string, () => readonly unknown[]>>;
  /** Instances whose methods are called, by class. */
  readonly instances: Readonly<Record<string, () => object>>;
  /** Classes whose methods without options refuse some. */
  readonly models?: readonly string[];
  /** What need not refuse: for those who write parts of their own, called by the trainer or by models, with what they checked. */
  readonly inner: readonly string[];
  /** Types of parameters that only the package itself passes on. */
  readonly innerTypes?: readonly string[];
  /** Words that a callable takes on purpose although its type does not say so: 'options.seed null'. */
  readonly takes?: Readonly<Record<string, readonly string[]>>;
}

export function callablesOf({ folder, inner }: Surface): readonly Callable[] {
  const found = declaredCallables(folder);
  const unknown = inner.filter((name) => !found.some((callable) => matches(callable, name)));
  if (unknown.length > 0) throw new Error(`no such callables: ${unknown.join(', ')}`);
  return found.filter((callable) => !inner.some((name) => matches(callable, name)));
}

/** `Optimizer.*` is all of a class. */
function matches({ name, of }: Callable, pattern: string): boolean {
  return pattern === name || (of !== undefined && pattern === `${of}.*`);
}

/** What one callable does wrong; nothing where all is right. */
export async function wrongOf(callable: Callable, surface: Surface): Promise<string[]> {
  const wrong: string[] = [];
  const good = (): unknown[] => goodArguments(callable, surface);
  try {
    await run(callable, good(), surface);
  } catch (error) {
    return [`its good call throws ${String(error)}`];
  }
  for (const [position, { name, type, attempts }] of callable.params.entries()) {
    if (surface.innerTypes?.includes(type)) continue;
    for (const attempt of attempts) {
      const what = `${[name, ...attempt.path].join('.')} ${attempt.word}`;
      if (surface.takes?.[callable.name]?.includes(what)) continue;
      const args = good();
      args[position] = placed(args[position], attempt);
      try {
        await run(callable, args, surface);
        wrong.push(`${what}: accepted`);
      } catch (error) {
        const fault = faultOf(error);
        if (fault !== null) wrong.push(`${what}: ${fault}`);
      }
    }
  }
  const surplus = await surplusOf(callable, surface);
  return surplus === null ? wrong : [...wrong, surplus];
}

/** What is wrong where a method of a model that takes no options is given some. */
async function surplusOf(callable: Callable, surface: Surface): Promise<string | null> {
  const { of, member, fixed, params } = callable;
  if (of === undefined || fixed || member === 'new' || params.some(({ rest, optional }) => rest || optional))
    return null;
  if (!surface.models?.includes(of) || member in Module.prototype) return null;
  try {
    await run(callable, [...goodArguments(callable, surface), { nope: 5 }], surface);
    return 'options besides: accepted';
  } catch (error) {
    const fault = faultOf(error);
    return fault === null ? null : `options besides: ${fault}`;
  }
}

/** What is wrong with an error; null if nothing is. */
function faultOf(error: unknown): string | null {
  if (!(error instanceof LatentError)) return `throws ${String(error)}`;
  if (!/^[\w.[\]]+(?: [\w.]+)*: ./.test(error.message)) return `names nothing: ${error.message}`;
  return error.message.length > 600 ? `says too much: ${error.message}` : null;
}

function goodArguments(callable: Callable, { values, calls }: Surface): unknown[] {
  const own = calls[callable.name];
  if (own !== undefined) return [...own()];
  return callable.params.map(({ name, type, optional }) => {
    const value = values[type];
    if (value !== undefined) return value();
    if (optional) return undefined;
    throw new Error(`no good value for ${callable.name}(${name}: ${type}); give the call or the type a row`);
  });
}

async function run({ member, of, fixed }: Callable, args: unknown[], surface: Surface): Promise<unknown> {
  type Callee = Readonly<Record<string, (...args: unknown[]) => unknown>>;
  if (of === undefined) return await (surface.exports as Callee)[member]?.(...args);
  const type = surface.exports[of] as Callee & (new (...args: unknown[]) => unknown);
  if (member === 'new') return new type(...args);
  if (fixed) return await type[member]?.(...args);
  const instance = surface.instances[of];
  if (instance === undefined) throw new Error(`no instance of ${of}; give it a row`);
  return await (instance() as Callee)[member]?.(...args);
}

/** A good value with a bad one in its place in it; what is on the way there is copied. */
function placed(good: unknown, { path, word }: Attempt): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return (words as Readonly<Record<string, unknown>>)[word];
  const value = (holder: unknown): unknown =>
    placed((holder as Readonly<Record<string | number, unknown>> | undefined)?.[first], { path: rest, word });
  if (typeof first === 'number') {
    const list = Array.isArray(good) ? [...(good as unknown[])] : [];
    list[first] = value(list);
    return list;
  }
  return { ...(good as object | undefined), [first]: value(good) };
}
