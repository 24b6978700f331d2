import { type FunctionBuilder, i32s, type Local } from '../wasm/assembler.ts';
import { LinkedFunction, type Linker } from '../wasm/linker.ts';

/**
 * Numbers by name that generated functions read from scratch space, for work with more sizes than a function should have
 * arguments. They are written there by a function too, so that a recorded call writes them again wherever it runs.
 */
export class Words<N extends string> {
  readonly #names: readonly N[];
  readonly #write: LinkedFunction;

  constructor(...names: readonly N[]) {
    this.#names = names;
    this.#write = new LinkedFunction((module) =>
      module.define(i32s(1 + names.length), [], (f) => {
        for (let i = 0; i < names.length; i++)
          f.get(0)
            .get(1 + i)
            .memory('i32_store', 4 * i);
      }),
    );
  }

  get bytes(): number {
    return 4 * this.#names.length;
  }

  write(linker: Linker, address: number, values: Readonly<Record<N, number>>): void {
    this.#write.of(linker)(address, ...this.#names.map((name) => values[name]));
  }

  /** Pushes the number of this name of the words at `address`. */
  push(f: FunctionBuilder, address: Local, name: N): FunctionBuilder {
    return f.get(address).memory('i32_load', 4 * this.#names.indexOf(name));
  }
}
