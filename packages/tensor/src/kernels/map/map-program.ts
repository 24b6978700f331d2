import { type Expr, input } from '../../expr/expr.ts';
import type { MapProgram } from '../kernel.ts';
import type { FunctionBuilder, ModuleBuilder } from '../wasm/assembler.ts';
import { instructions } from '../wasm/expression.ts';
import type { Compiled, Linker } from '../wasm/linker.ts';

/** Formulas that are put together when they are first looked at: the engine has many, and a program uses few of them. */
class Formulas implements MapProgram {
  readonly name: string;
  readonly inputs: number;
  readonly compiled: MapProgram['compiled'] = new Map();
  readonly recent: MapProgram['recent'] = { linker: null, key: 0, compiled: null };
  #build: (() => readonly Expr[]) | null;
  #expressions: readonly Expr[] = [];

  constructor(name: string, inputs: number, build: () => readonly Expr[]) {
    this.name = name;
    this.inputs = inputs;
    this.#build = build;
  }

  get expressions(): readonly Expr[] {
    if (this.#build !== null) {
      this.#expressions = this.#build();
      this.#build = null;
    }
    return this.#expressions;
  }
}

/** The kernel of these expressions of so many inputs. */
export function programOf(name: string, expressions: readonly Expr[], inputs: number): MapProgram {
  return new Formulas(name, inputs, () => expressions);
}

/** The function that was linked of a program under `key`, if there is one. */
export function linkedFunction({ recent }: MapProgram, key: number, linker: Linker): Compiled | undefined {
  return recent.linker === linker && recent.key === key ? (recent.compiled as Compiled) : undefined;
}

/** The same where it is not the one that was used last. */
export function linkFunction(
  program: MapProgram,
  key: number,
  linker: Linker,
  define: (module: ModuleBuilder) => FunctionBuilder,
): Compiled {
  const compiled = linker.get(program, key) ?? linker.link(program, key, define);
  if (linker.lasting) Object.assign(program.recent, { linker, key, compiled });
  return compiled;
}

/**
 * Makes a formula (or several over the same inputs) into a kernel; `build` is called when it is first used. Keep the result:
 * compiled code is cached on it.
 */
export function mapProgram(
  name: string,
  inputs: number,
  build: (...inputs: Expr[]) => Expr | readonly Expr[],
): MapProgram {
  return new Formulas(name, inputs, () => {
    const built = build(...Array.from({ length: inputs }, (_, i) => input(i)));
    return Array.isArray(built) ? built : [built as Expr];
  });
}

/** The identity, for reducing or moving a tensor as it is. */
export const IDENTITY: MapProgram = /* @__PURE__ */ mapProgram('identity', 1, (x) => x);

// Measured on one core of an x86-64 server with WebAssembly SIMD.
const NS_PER_ELEMENT = 0.12;
const NS_PER_INSTRUCTION = 0.045;

/** About how many instructions one vector of a formula takes. */
export function lengthOf(program: MapProgram): number {
  let known = program.compiled.get('length') as number | undefined;
  if (known === undefined) {
    known = instructions(program.expressions);
    program.compiled.set('length', known);
  }
  return known;
}

/** About how many nanoseconds one element of a formula takes. */
export function elementTime(program: MapProgram): number {
  return NS_PER_ELEMENT + NS_PER_INSTRUCTION * lengthOf(program);
}

/** Formulas that programs were fused to: the same one is the same object, so that it is compiled once. */
const interned = new Map<string, MapProgram>();
/** Past so many, all are forgotten: those in use stay, and nothing but sharing is lost. */
const MOST_INTERNED = 4096;

/** The kernel of these expressions. */
export function internedProgram(name: string, expressions: readonly Expr[], inputs: number): MapProgram {
  const key = `${inputs}:${expressions.map(({ id }) => id).join()}`;
  let program = interned.get(key);
  if (program === undefined) {
    if (interned.size >= MOST_INTERNED) interned.clear();
    program = programOf(name, expressions, inputs);
    interned.set(key, program);
  }
  return program;
}
