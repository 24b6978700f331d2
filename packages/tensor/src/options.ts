import { ValueError } from './errors.ts';

/**
 * Checks of what callers pass, as values: options objects, files' configurations and data are judged by the same ones, so
 * that a wrong value is refused with one sentence, whoever gave it: `Vae: latentSize must be a whole number ≥ 1, got "2"`.
 */
export type Check<T> = (value: unknown, at: Place) => T;

/** Where a value stands: who asked, and the path to it. */
export interface Place {
  readonly caller: string;
  readonly path: string;
}

/** The checks of an options object, by name. */
export type Checks = Readonly<Record<string, Check<unknown>>>;
/** What checks make of the options they accept. */
export type Checked<S extends Checks> = { readonly [K in keyof S]: S[K] extends Check<infer T> ? T : never };

/** A value in words, short enough for an error. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(shortText(value));
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function ${value.name}`;
  if (typeof value === 'symbol') return 'a symbol';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : `an array of ${value.length}`;
  const name = (value as object).constructor?.name;
  if (ArrayBuffer.isView(value)) return `${name} of ${(value as unknown as { length?: number }).length ?? 0}`;
  return name === undefined || name === 'Object' ? 'an object' : `${/^[AEIOU]/.test(name) ? 'an' : 'a'} ${name}`;
}

/** A text short enough for an error. */
export function shortText(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** Throws what every check throws: `caller: path must be …, got …`. */
export function refuse(at: Place, expected: string, value: unknown): never {
  throw new ValueError(`${at.caller}: ${at.path} must be ${expected}, got ${describeValue(value)}`);
}

/** The one of `known` that `name` was probably meant to be; null where none is near. */
export function nearestName(name: string, known: readonly string[]): string | null {
  const most = Math.max(2, Math.floor(name.length / 2));
  let best: { readonly candidate: string; readonly edits: number; readonly letters: number } | null = null;
  for (const candidate of known) {
    const [a, b] = [name.toLowerCase(), candidate.toLowerCase()];
    const letters = distance(a, b);
    const edits = a.startsWith(b) || b.startsWith(a) ? Math.min(1, letters) : letters;
    // Of a name and one that it begins with, the one with fewer letters to change.
    const nearer = best === null || edits < best.edits || (edits === best.edits && letters < best.letters);
    if (edits <= most && nearer) best = { candidate, edits, letters };
  }
  return best?.candidate ?? null;
}

/** Letters to insert, drop, change or swap with their neighbour (Damerau 1964). */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const above = rows[i - 1] as number[];
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + cost);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j] ?? 0, (rows[i - 2]?.[j - 2] ?? 0) + 1);
    }
    rows.push(row);
  }
  return rows[a.length]?.[b.length] ?? 0;
}

/** Throws: `name` is none of `known`; says which was probably meant, and `note`. */
export function refuseUnknown(caller: string, what: string, name: string, known: readonly string[], note = ''): never {
  const near = nearestName(name, known);
  const remedy = near === null ? '' : `; did you mean '${near}'?`;
  throw new ValueError(
    `${caller}: there is no ${what} '${shortText(name)}'${remedy}${known.length > 0 ? ` (known: ${known.join(', ')})` : ''}${note}`,
  );
}

/** Whether a value is `{ … }`, and no array, class instance or the like. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (value === null || typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * The options as their checks make them, defaults filled in. What is not an object, has a name that no check has, or fails
 * its check is refused: `fit: there is no option 'epoch'; did you mean 'epochs'?`
 */
export function checkOptions<S extends Checks>(caller: string, options: unknown, checks: S, path = ''): Checked<S> {
  if (options !== undefined && !isPlainObject(options)) {
    throw new ValueError(`${caller}: ${path || 'options'} must be an object, got ${describeValue(options)}`);
  }
  const given: Record<string, unknown> = options ?? {};
  const known = Object.keys(checks);
  for (const name of Object.keys(given)) {
    if (Object.hasOwn(checks, name)) continue;
    if (path === '') refuseUnknown(caller, 'option', name, known);
    refuseUnknown(`${caller}: ${path}`, 'field', name, known);
  }
  const result: Record<string, unknown> = {};
  for (const name of known) {
    const value = (checks[name] as Check<unknown>)(given[name], {
      caller,
      path: path === '' ? name : `${path}.${name}`,
    });
    if (value !== undefined) result[name] = value;
  }
  return result as Checked<S>;
}

/** Throws unless every name in `options` is one of `known`. For functions that check the values themselves. */
export function checkNames(caller: string, options: unknown, known: readonly string[]): void {
  if (options === undefined) return;
  if ((options as object | null)?.constructor !== Object && !isPlainObject(options)) {
    throw new ValueError(`${caller}: options must be an object, got ${describeValue(options)}`);
  }
  for (const name in options) if (!known.includes(name)) refuseUnknown(caller, 'option', name, known);
}

interface Bounds {
  /** Smallest and largest that is allowed. */
  readonly min?: number;
  readonly max?: number;
  /** Strict bounds. */
  readonly above?: number;
  readonly below?: number;
}

function inWords({ min, max, above, below }: Bounds): string {
  const parts = [
    ...(min !== undefined ? [`≥ ${min}`] : []),
    ...(above !== undefined ? [`> ${above}`] : []),
    ...(max !== undefined ? [`≤ ${max}`] : []),
    ...(below !== undefined ? [`< ${below}`] : []),
  ];
  return parts.length === 0 ? '' : ` ${parts.join(' and ')}`;
}

function inside(
  value: number,
  { min = -Infinity, max = Infinity, above = -Infinity, below = Infinity }: Bounds,
): boolean {
  return (
    value >= min && value <= max && (above === -Infinity || value > above) && (below === Infinity || value < below)
  );
}

/** A finite number within the bounds; `infinite: true` lets ±∞ through. */
export function real(bounds: Bounds & { readonly infinite?: boolean } = {}): Check<number> {
  return (value, at) => {
    const sound = typeof value === 'number' && (bounds.infinite ? !Number.isNaN(value) : Number.isFinite(value));
    return sound && inside(value, bounds) ? value : refuse(at, `a number${inWords(bounds)}`, value);
  };
}

/** A whole number within the bounds, exact in double precision. */
export function whole(bounds: Bounds = {}): Check<number> {
  return (value, at) =>
    typeof value === 'number' && Number.isSafeInteger(value) && inside(value, bounds)
      ? value
      : refuse(at, `a whole number${inWords(bounds)}`, value);
}

/** True or false. */
export function flag(): Check<boolean> {
  return (value, at) => (typeof value === 'boolean' ? value : refuse(at, 'true or false', value));
}

/** Any text. */
export function text(): Check<string> {
  return (value, at) => (typeof value === 'string' ? value : refuse(at, 'text', value));
}

/** One of these names. */
export function oneOf<const N extends readonly string[]>(...names: N): Check<N[number]> {
  return (value, at) => {
    if (typeof value === 'string' && names.includes(value)) return value;
    const near = typeof value === 'string' ? nearestName(value, names) : null;
    const list = names.map((name) => `'${name}'`).join(', ');
    throw new ValueError(
      `${at.caller}: ${at.path} must be ${names.length > 1 ? 'one of ' : ''}${list}, got ${describeValue(value)}${near === null ? '' : `; did you mean '${near}'?`}`,
    );
  };
}

/** An array whose every element passes; a hole does not. */
export function list<T>(
  each: Check<T>,
  bounds: { readonly min?: number; readonly max?: number } = {},
): Check<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) return refuse(at, 'an array', value);
    if (!inside(value.length, bounds)) return refuse(at, `an array of${inWords(bounds)} elements`, value);
    return Array.from(value, (element, i) => each(element, { caller: at.caller, path: `${at.path}[${i}]` }));
  };
}

/** An object with these fields and no other. */
export function fields<S extends Checks>(checks: S): Check<Checked<S>> {
  return (value, at) =>
    isPlainObject(value) ? checkOptions(at.caller, value, checks, at.path) : refuse(at, 'an object', value);
}

/** May be left out; `fallback` then takes its place. */
export function optional<T>(check: Check<T>): Check<T | undefined>;
export function optional<T, D>(check: Check<T>, fallback: D): Check<T | D>;
export function optional<T, D>(check: Check<T>, fallback?: D): Check<T | D | undefined> {
  return (value, at) => (value === undefined ? fallback : check(value, at));
}

/** May be null. */
export function nullable<T>(check: Check<T>): Check<T | null> {
  return (value, at) => (value === null ? null : check(value, at));
}

/** A function; what it takes and returns shows when it is called. */
export function callable<F extends (...args: never[]) => unknown>(): Check<F> {
  return (value, at) => (typeof value === 'function' ? (value as F) : refuse(at, 'a function', value));
}

/** An object that `is` accepts, described by `expected`. */
export function instance<T>(expected: string, is: (value: object) => boolean): Check<T> {
  return (value, at) =>
    value !== null && (typeof value === 'object' || typeof value === 'function') && is(value)
      ? (value as T)
      : refuse(at, expected, value);
}

/** Passed on as it is, to be checked by whom it concerns. */
export function anything(): Check<unknown> {
  return (value) => value;
}

/** The first check that fits the kind of value, told by `is`; else refused as not being `expected`. */
export function either<A, B>(
  expected: string,
  first: readonly [is: (value: unknown) => boolean, check: Check<A>],
  second: readonly [is: (value: unknown) => boolean, check: Check<B>],
): Check<A | B> {
  return (value, at) =>
    first[0](value) ? first[1](value, at) : second[0](value) ? second[1](value, at) : refuse(at, expected, value);
}

const withoutOptions = /* @__PURE__ */ new WeakSet<object>();

/**
 * Sees to it that these methods of a class, which take no options, refuse what is given to them besides their arguments; `called` is what
 * errors call the class of an object. To be called by its constructor: nothing is left at the top level of a module. Methods with
 * arguments that may be left out are not for it.
 */
export function refuseSurplus<T extends object>(
  type: { readonly prototype: T },
  names: string,
  called: (self: T) => string,
): void {
  if (withoutOptions.has(type)) return;
  withoutOptions.add(type);
  const methods = type.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  for (const name of names.split(' ')) {
    const method = methods[name] as (...args: unknown[]) => unknown;
    const value = function (this: T, ...args: unknown[]): unknown {
      const more = args.slice(method.length).find((x) => x !== undefined);
      if (more === undefined) return method.apply(this, args);
      throw new ValueError(
        `${called(this)}.${name}: takes ${method.length || 'no'} argument(s) and nothing besides, got ${describeValue(more)}`,
      );
    };
    Object.defineProperty(methods, name, { value, writable: true, configurable: true });
  }
}
