import { type FunctionBuilder, ModuleBuilder } from './assembler.ts';
import type { Tile } from './tile.ts';

/** A generated function of addresses and sizes. */
export type Compiled = (...values: number[]) => undefined;

/**
 * Where generated functions go. A kernel asks for a function and calls it; whether the call runs at once or is written
 * down for a program is not its concern.
 */
export interface Linker {
  /** How products are done. */
  readonly tile: Tile;
  /** Whether it lasts as long as the kernels in use; else it is a program's, and goes with it. */
  readonly lasting: boolean;
  /** The function that `owner` was linked under `key`. */
  get(owner: object, key: number): Compiled | undefined;
  link(owner: object, key: number, define: (module: ModuleBuilder) => FunctionBuilder): Compiled;
}

/** One function that does not depend on what it is called for. */
export class LinkedFunction {
  readonly #define: (module: ModuleBuilder, linker: Linker) => FunctionBuilder;
  #linker: Linker | null = null;
  #compiled: Compiled | null = null;

  constructor(define: (module: ModuleBuilder, linker: Linker) => FunctionBuilder) {
    this.#define = define;
  }

  of(linker: Linker): Compiled {
    if (linker === this.#linker) return this.#compiled as Compiled;
    const compiled = linker.get(this, 0) ?? linker.link(this, 0, (module) => this.#define(module, linker));
    if (linker.lasting) [this.#linker, this.#compiled] = [linker, compiled];
    return compiled;
  }
}

/** What was linked: by owner, which may be forgotten, and key. */
class Linked {
  readonly #functions = new WeakMap<object, Map<number, Compiled>>();

  get(owner: object, key: number): Compiled | undefined {
    return this.#functions.get(owner)?.get(key);
  }

  set(owner: object, key: number, compiled: Compiled): Compiled {
    const known = this.#functions.get(owner);
    if (known === undefined) this.#functions.set(owner, new Map([[key, compiled]]));
    else known.set(key, compiled);
    return compiled;
  }
}

/** Each function in a module of its own, ready at once. */
export class InstantLinker implements Linker {
  readonly lasting = true;
  readonly tile: Tile;
  readonly #memory: WebAssembly.Memory;
  readonly #linked = new Linked();

  constructor(memory: WebAssembly.Memory, tile: Tile) {
    this.#memory = memory;
    this.tile = tile;
  }

  get(owner: object, key: number): Compiled | undefined {
    return this.#linked.get(owner, key);
  }

  link(owner: object, key: number, define: (module: ModuleBuilder) => FunctionBuilder): Compiled {
    const module = new ModuleBuilder();
    module.export('run', define(module));
    return this.#linked.set(owner, key, module.instantiate(this.#memory).run as Compiled);
  }
}

/** A call of one function of a module. */
export interface ModuleCall {
  readonly target: FunctionBuilder;
  readonly values: readonly number[];
}

/** All functions in one module; their calls are written down in `calls`. */
export class RecordingLinker implements Linker {
  readonly lasting = false;
  readonly tile: Tile;
  readonly calls: ModuleCall[] = [];
  readonly #module: ModuleBuilder;
  readonly #linked = new Linked();

  constructor(module: ModuleBuilder, tile: Tile) {
    this.#module = module;
    this.tile = tile;
  }

  get(owner: object, key: number): Compiled | undefined {
    return this.#linked.get(owner, key);
  }

  link(owner: object, key: number, define: (module: ModuleBuilder) => FunctionBuilder): Compiled {
    const target = define(this.#module);
    return this.#linked.set(owner, key, (...values) => {
      this.calls.push({ target, values });
    });
  }
}
