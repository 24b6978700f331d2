import { type FunctionBuilder, ModuleBuilder } from './assembler.ts';

/** A generated function of addresses and sizes. */
export type Compiled = (...values: number[]) => undefined;

/**
 * Where generated functions go. The kernel set asks for a function and calls it; whether the call runs at once or is
 * written down for a program is not its concern.
 */
export interface Linker {
  link(define: (module: ModuleBuilder) => FunctionBuilder): Compiled;
}

/** Each function in a module of its own, ready at once. */
export function instantLinker(memory: WebAssembly.Memory): Linker {
  return {
    link(define) {
      const module = new ModuleBuilder();
      module.export('run', define(module));
      return module.instantiate(memory).run as Compiled;
    },
  };
}

/** A call of one function of a module. */
export interface ModuleCall {
  readonly target: FunctionBuilder;
  readonly values: readonly number[];
}

/** All functions in one module; calls are written down in `calls`. */
export function recordingLinker(module: ModuleBuilder, calls: ModuleCall[]): Linker {
  return {
    link(define) {
      const target = define(module);
      return (...values) => {
        calls.push({ target, values });
      };
    },
  };
}
