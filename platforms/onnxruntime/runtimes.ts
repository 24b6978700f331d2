import { createRequire } from 'node:module';
import { MODEL, type OnnxModel } from '../../packages/onnx/src/proto/schema.ts';
import { encodeMessage } from '../../packages/onnx/src/proto/write.ts';
import type { CaseInput } from '../../packages/onnx/test/cases.ts';

const here = createRequire(import.meta.url);

/** What of a runtime's API is used. */
interface Runtime {
  readonly Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor;
  readonly InferenceSession: {
    create(
      bytes: Uint8Array,
      options: object,
    ): Promise<{
      run(inputs: Readonly<Record<string, RuntimeTensor>>): Promise<Record<string, RuntimeTensor>>;
      release(): Promise<void>;
    }>;
  };
  readonly env: { readonly wasm: { numThreads?: number }; logLevel?: string };
}

interface RuntimeTensor {
  readonly data: ArrayLike<number | bigint>;
  readonly dims: readonly number[];
}

/** Numbers as the runtimes take them. */
const ARRAYS = {
  float: ['float32', (data: readonly number[]) => Float32Array.from(data)],
  double: ['float64', (data: readonly number[]) => Float64Array.from(data)],
  int32: ['int32', (data: readonly number[]) => Int32Array.from(data)],
  int64: ['int64', (data: readonly number[]) => BigInt64Array.from(data.map(BigInt))],
  bool: ['bool', (data: readonly number[]) => Uint8Array.from(data)],
} as const;

/** Runs models: natively, or in WebAssembly as browsers do. */
export async function runtimeOf(name: 'onnxruntime-node' | 'onnxruntime-web') {
  const runtime = (
    name === 'onnxruntime-node' ? here(name) : await import(/* @vite-ignore */ here.resolve(name))
  ) as Runtime;
  runtime.env.wasm.numThreads = 1;
  runtime.env.logLevel = 'error';
  const providers = name === 'onnxruntime-node' ? ['cpu'] : ['wasm'];
  return async (model: OnnxModel | Uint8Array, inputs: Readonly<Record<string, CaseInput>>) => {
    const bytes = model instanceof Uint8Array ? model : encodeMessage(MODEL, model);
    const session = await runtime.InferenceSession.create(bytes, {
      executionProviders: providers,
      logSeverityLevel: 3,
    });
    try {
      const tensors = Object.entries(inputs).map(([input, { type, dims, data, texts }]) => {
        if (type === 'string') return [input, new runtime.Tensor(type, texts, dims)] as const;
        const [element, make] = ARRAYS[type];
        return [input, new runtime.Tensor(element, make(data), dims)] as const;
      });
      const outputs = await session.run(Object.fromEntries(tensors));
      return Object.fromEntries(
        Object.entries(outputs).map(([output, { dims, data }]) => [output, { dims, data: Array.from(data, Number) }]),
      );
    } finally {
      await session.release();
    }
  };
}
