import { ValueError } from '@latent/tensor';

// A reader of Python's pickles that makes plain data, and calls nothing but what its caller hands in. It knows the opcodes of
// protocols 2 to 5 that tensors, numbers, texts, lists, tuples and dictionaries are written with, and refuses every other.
// https://github.com/python/cpython/blob/main/Lib/pickletools.py

/** What a pickle may hold. Lists and tuples are arrays, dictionaries are maps. */
export type Pickled = number | string | boolean | null | Pickled[] | Map<Pickled, Pickled> | object;

/** What a pickle may name, and what is done where it calls or refers to something. */
export interface PickleWorld {
  /** The value that `module.name` stands for; throws for all that may not be named. */
  named(module: string, name: string): object;
  /** The result of calling a named value. */
  call(callee: Pickled, inputs: readonly Pickled[]): Pickled;
  /** Something outside of the pickle, by what the pickle says of it. */
  outside(id: Pickled): Pickled;
}

const MARK = Symbol('mark');

/** The value that a pickle describes. */
export function readPickle(caller: string, bytes: Uint8Array, world: PickleWorld): Pickled {
  const fail = (reason: string): never => {
    throw new ValueError(`${caller}: the pickle ${reason}; the file is truncated, altered or holds more than tensors`);
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const stack: (Pickled | typeof MARK)[] = [];
  const memo = new Map<number, Pickled>();
  let at = 0;
  const take = (count: number): number => {
    if (!(count <= bytes.length - at)) fail(`ends within its opcode at byte ${at}`);
    at += count;
    return at - count;
  };
  const pop = (): Pickled => {
    const value = stack.pop();
    return value === undefined || value === MARK ? fail(`takes what is not there at byte ${at}`) : (value as Pickled);
  };
  const top = (): Pickled => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const sinceMark = (): Pickled[] => {
    const from = stack.lastIndexOf(MARK);
    if (from < 0) fail(`has no mark before byte ${at}`);
    return stack.splice(from).slice(1) as Pickled[];
  };
  const text = (length: number): string => {
    const from = take(length);
    return new TextDecoder().decode(bytes.subarray(from, from + length));
  };
  const line = (): string => {
    const end = bytes.indexOf(10, at);
    if (end < 0) fail('has a line without an end');
    const value = text(end - at);
    at++;
    return value;
  };
  const put = (index: number): void => {
    memo.set(index, top());
  };
  const set = (map: Pickled, pairs: readonly Pickled[]): void => {
    const own = map instanceof Map && pairs.length % 2 === 0 ? map : fail(`sets what is no item at byte ${at}`);
    for (let i = 0; i < pairs.length; i += 2) own.set(pairs[i] as Pickled, pairs[i + 1] as Pickled);
  };
  const append = (list: Pickled, values: readonly Pickled[]): void => {
    const own = Array.isArray(list) ? list : fail(`appends to what is no list at byte ${at}`);
    for (const value of values) own.push(value);
  };
  const tuple = (count: number): void => {
    const values = Array.from({ length: count }, pop);
    stack.push(values.reverse());
  };
  const get = (index: number): void => {
    const value = memo.get(index);
    stack.push(value === undefined ? fail(`uses number ${index} before it is there`) : value);
  };
  const reduce = (): void => {
    const inputs = pop();
    const callee = pop();
    stack.push(Array.isArray(inputs) ? world.call(callee, inputs) : fail(`calls without a tuple at byte ${at}`));
  };

  /** By opcode, what it does. */
  const opcodes: Readonly<Record<string, () => void>> = {
    '\x80': () => void ((bytes[take(1)] as number) <= 5 || fail('is of a protocol above 5')),
    '\x95': () => void take(8),
    '(': () => void stack.push(MARK),
    0: () => void pop(),
    N: () => void stack.push(null),
    '\x88': () => void stack.push(true),
    '\x89': () => void stack.push(false),
    J: () => void stack.push(view.getInt32(take(4), true)),
    K: () => void stack.push(bytes[take(1)] as number),
    M: () => void stack.push(view.getUint16(take(2), true)),
    G: () => void stack.push(view.getFloat64(take(8))),
    '\x8a': () => {
      const length = bytes[take(1)] as number;
      const from = take(length);
      let value = 0n;
      for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[from + i] as number);
      stack.push(Number(BigInt.asIntN(8 * length, value)));
    },
    X: () => void stack.push(text(view.getUint32(take(4), true))),
    '\x8c': () => void stack.push(text(bytes[take(1)] as number)),
    U: () => void stack.push(text(bytes[take(1)] as number)),
    ')': () => void stack.push([]),
    '\x85': () => tuple(1),
    '\x86': () => tuple(2),
    '\x87': () => tuple(3),
    t: () => void stack.push(sinceMark()),
    ']': () => void stack.push([]),
    l: () => void stack.push(sinceMark()),
    '}': () => void stack.push(new Map()),
    d: () => {
      const pairs = sinceMark();
      const map = new Map();
      set(map, pairs);
      stack.push(map);
    },
    a: () => {
      const value = pop();
      append(top(), [value]);
    },
    e: () => {
      const values = sinceMark();
      append(top(), values);
    },
    s: () => {
      const value = pop();
      const key = pop();
      set(top(), [key, value]);
    },
    u: () => {
      const pairs = sinceMark();
      set(top(), pairs);
    },
    q: () => put(bytes[take(1)] as number),
    r: () => put(view.getUint32(take(4), true)),
    '\x94': () => put(memo.size),
    h: () => get(bytes[take(1)] as number),
    j: () => get(view.getUint32(take(4), true)),
    c: () => {
      const module = line();
      stack.push(world.named(module, line()));
    },
    '\x93': () => {
      const name = pop();
      const module = pop();
      if (typeof name !== 'string' || typeof module !== 'string') fail('names something without a name');
      stack.push(world.named(module as string, name as string));
    },
    Q: () => void stack.push(world.outside(pop())),
    R: reduce,
    // The attributes of an object, which data have none of: an ordered dictionary's notes on its versions.
    b: () => {
      pop();
      if (!(top() instanceof Map)) fail('gives attributes to what is no dictionary');
    },
  };
  for (;;) {
    const opcode = String.fromCharCode(bytes[take(1)] as number);
    if (opcode === '.') return stack.length === 1 ? pop() : fail('leaves something behind');
    const act = Object.hasOwn(opcodes, opcode) ? opcodes[opcode] : undefined;
    if (act === undefined) fail(`has the opcode ${opcode.charCodeAt(0)} at byte ${at - 1}, which no tensors need`);
    else act();
  }
}
