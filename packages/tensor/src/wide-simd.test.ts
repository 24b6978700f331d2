import { afterEach, expect, it } from 'vitest';
import { compile, Rng, type Tensor, UsageError, useThreads, useWideSimd } from './index.ts';
import { wideSimdRefusal } from './wide-simd.ts';

const here = wideSimdRefusal(process);
afterEach(() => {
  if (here === null) useWideSimd(false);
  useThreads('auto');
});

it('says where it cannot be had', () => {
  const on = (node: string | undefined, arch: string, more = {}) =>
    wideSimdRefusal({ arch, versions: { ...(node === undefined ? {} : { node }), ...more } });
  expect(on('26.10.0', 'x64')).toBeNull();
  expect(on('27.0.0', 'x64')).toBeNull();
  expect(on('24.21.0', 'x64')).toMatch(/Node 26 or newer, and this is 24\.21\.0/);
  expect(on('26.10.0', 'arm64')).toMatch(/x64.*arm64/);
  expect(on('26.10.0', 'x64', { bun: '2' })).toMatch(/other engines/);
  expect(wideSimdRefusal(undefined)).toMatch(/other engines/);
});

it('takes true and false alone', () => {
  for (const bad of ['yes', 1, null, {}]) expect(() => useWideSimd(bad as never)).toThrow(/^useWideSimd: must be/);
});

it.skipIf(here === null)('is refused here', () => {
  expect(() => useWideSimd()).toThrow(UsageError);
  expect(() => useWideSimd()).toThrow(`useWideSimd: ${here}`);
});

it.skipIf(here !== null)('changes no bit', () => {
  const [x, w] = [new Rng(1).normal([130, 300]), new Rng(2).normal([300, 90])];
  const run = compile((a: Tensor, b: Tensor) => {
    const y = a.matmul(b);
    return [y, y.tanh().add(y.softplus()).sum({ axis: 1 }), y.logSumExp(), y.cumulativeSum({ axis: 1 })];
  });
  const numbers = (): (Float32Array | Float64Array)[] => run(x, w).map(({ data }) => data);
  useThreads(1);
  const want = numbers();
  expect(numbers()).toEqual(want);
  for (const on of [true, false, true]) {
    useWideSimd(on);
    for (const threads of [1, 2]) {
      useThreads(threads);
      for (let i = 0; i < 4; i++) expect(numbers()).toEqual(want);
    }
  }
});
