// What the public functions of a package take, by their declarations, and what of `words.ts` the compiler would refuse there.
import { join } from 'node:path';
import { API, type Checker, type Symbol as Declared, type Project, type Type } from 'typescript/unstable/sync';
import { root } from '../packages.ts';

/** A bad value at a place in an argument: the word itself, or that at the end of a path of fields and places in lists. */
export interface Attempt {
  readonly path: readonly (string | number)[];
  readonly word: string;
}

export interface Parameter {
  readonly name: string;
  readonly type: string;
  readonly optional: boolean;
  readonly rest: boolean;
  readonly attempts: readonly Attempt[];
}

/** A function, a method or a constructor. */
export interface Callable {
  /** 'mse', 'new Vae', 'Vae.elbo', or 'Vae.load' with `fixed`. */
  readonly name: string;
  /** Of a class: the method, 'new' for its constructor. */
  readonly of?: string;
  readonly member: string;
  /** Whether it is the class's own, not its instances'. */
  readonly fixed: boolean;
  readonly params: readonly Parameter[];
}

const TYPE = {
  anyOrUnknown: 3,
  nothing: 12 | 16,
  instantiable: 132_644_864,
  object: 1 << 20,
  union: 1 << 27,
  both: 1 << 28,
};
const SYMBOL = { variable: 3, property: 4, function: 16, class: 32, method: 8192, optional: 1 << 24, alias: 1 << 21 };
/** Fields within fields within fields. */
const DEEPEST = 3;

/** All callables that the package's index exports, methods of classes once, by the class that declares them. */
export function declaredCallables(folder: string): Callable[] {
  const api = new API({ cwd: root });
  try {
    const snapshot = api.updateSnapshot({ openProject: join(root, 'tsconfig.json') });
    return new Reader(snapshot.getProjects()[0] as Project).callables(
      join(root, 'packages', folder, 'src', 'index.ts'),
    );
  } finally {
    api.close();
  }
}

class Reader {
  readonly #project: Project;
  readonly #checker: Checker;
  readonly #words: readonly (readonly [name: string, type: Type])[];
  /** Attempts by the type's number: the same types come again and again. */
  readonly #known = new Map<number, readonly Attempt[]>();

  constructor(project: Project) {
    this.#project = project;
    this.#checker = project.checker;
    this.#words = this.#exports(join(root, 'scripts', 'surface', 'words.ts')).map(([name, symbol]) => [
      name,
      this.#typeOf(symbol),
    ]);
  }

  #exports(file: string): [name: string, symbol: Declared][] {
    const source = this.#project.program.getSourceFile(file);
    const module = source && this.#checker.getSymbolAtLocation(source);
    if (module === undefined) throw new Error(`${file} is not in the project`);
    return this.#checker
      .getExportsOfModule(module)
      .map((symbol) => [symbol.name, symbol.flags & SYMBOL.alias ? this.#checker.getAliasedSymbol(symbol) : symbol]);
  }

  #typeOf(symbol: Declared): Type {
    return this.#checker.getTypeOfSymbol(symbol) as Type;
  }

  callables(file: string): Callable[] {
    const found: Callable[] = [];
    const seen = new Set<string>();
    const exports = this.#exports(file);
    for (const [name, symbol] of exports) {
      if (!(symbol.flags & (SYMBOL.function | SYMBOL.class | SYMBOL.variable))) continue;
      if (!(symbol.flags & SYMBOL.class)) {
        this.#add(found, { name, member: name, fixed: false }, this.#typeOf(symbol), 0);
        continue;
      }
      const type = this.#typeOf(symbol);
      this.#add(found, { name: `new ${name}`, of: name, member: 'new', fixed: true }, type, 1);
      const sides = [
        [this.#checker.getDeclaredTypeOfSymbol(symbol), false],
        [type, true],
      ] as const;
      for (const [side, fixed] of sides) {
        for (const member of this.#checker.getPropertiesOfType(side)) {
          const owner = member.getParent()?.name ?? name;
          const key = `${owner}.${member.name}.${fixed}`;
          if (member.name.startsWith('__') || member.name === 'prototype' || seen.has(key)) continue;
          if (!(member.flags & SYMBOL.method) || this.#hidden(member)) continue;
          seen.add(key);
          const spec = { name: `${name}.${member.name}`, of: name, member: member.name, fixed };
          this.#add(found, spec, this.#typeOf(member), 0);
        }
      }
    }
    return found;
  }

  /** Whether a member is not for callers. */
  #hidden(member: Declared): boolean {
    return member.declarations.some((handle) => {
      const file = this.#project.program.getSourceFile(handle.path);
      const node = handle.resolve(this.#project) as { pos: number; end: number } | undefined;
      if (file === undefined || node === undefined) return true;
      const text = (file as unknown as { text: string }).text.slice(node.pos, node.end);
      return /^(?:\s|\/\*[\s\S]*?\*\/|\/\/.*)*(?:override\s+)?(?:protected|private)\b/.test(text);
    });
  }

  #add(into: Callable[], what: Omit<Callable, 'params'>, type: Type, kind: 0 | 1): void {
    const signature = this.#checker.getSignaturesOfType(type, kind)[0];
    if (signature === undefined) return;
    const symbols = signature.getParameters();
    const params = symbols.map((symbol, i): Parameter => {
      const type = this.#typeOf(symbol);
      const rest = signature.hasRestParameter && i === symbols.length - 1;
      const declared = this.#declaration(symbol);
      const optional = /^\s*\w+\s*\?|=/.test(declared.replace(/=>/g, ''));
      const given = rest ? (this.#checker.getTypeArguments(type as never)[0] ?? type) : type;
      const attempts = this.#attempts(given, 0).filter(
        ({ path, word }) => !(optional && word === 'left' && path.length === 0),
      );
      return { name: symbol.name, type: this.#checker.typeToString(given), optional, rest, attempts };
    });
    into.push({ ...what, params });
  }

  #declaration(symbol: Declared): string {
    const handle = symbol.valueDeclaration;
    const node = handle?.resolve(this.#project) as { pos: number; end: number } | undefined;
    const file = handle && (this.#project.program.getSourceFile(handle.path) as { text?: string } | undefined);
    return node === undefined ? '' : (file?.text ?? '').slice(node.pos, node.end);
  }

  #attempts(type: Type, depth: number): readonly Attempt[] {
    const known = depth === 0 ? this.#known.get(type.id) : undefined;
    if (known !== undefined) return known;
    const found = [...this.#find(type, depth)];
    if (depth === 0) this.#known.set(type.id, found);
    return found;
  }

  *#find(type: Type, depth: number): Generator<Attempt> {
    const checker = this.#checker;
    if (type.flags & TYPE.anyOrUnknown) return;
    if (type.flags & TYPE.instantiable) {
      const constraint = checker.getBaseConstraintOfType(type);
      if (constraint !== undefined && !(constraint.flags & TYPE.instantiable)) yield* this.#find(constraint, depth);
      return;
    }
    // What a function returns shows when it is called.
    const called = this.#members(type).some((member) => checker.getSignaturesOfType(member, 0).length > 0);
    for (const [word, of] of this.#words) {
      if (called && word === 'call') continue;
      if (!checker.isTypeAssignableTo(of, type)) yield { path: [], word };
    }
    if (depth >= DEEPEST) return;
    const members = this.#members(type).filter(({ flags }) => flags & (TYPE.object | TYPE.both));
    const elements = members
      .filter((member) => checker.isArrayType(member))
      .map((member) => checker.getTypeArguments(member as never)[0] as Type);
    if (elements.length > 0 && elements.every(({ flags }) => !(flags & TYPE.instantiable))) {
      const words = elements.map((element) => this.#attempts(element, depth + 1));
      for (const attempt of words[0] ?? []) {
        const everywhere = words.every((of) =>
          of.some(({ path, word }) => word === attempt.word && path.join() === attempt.path.join()),
        );
        if (everywhere) yield { path: [0, ...attempt.path], word: attempt.word };
      }
    }
    const objects = members.filter((member) => this.#isOptions(member));
    if (objects.length !== 1) return;
    yield { path: ['nope'], word: 'five' };
    for (const field of checker.getPropertiesOfType(objects[0] as Type)) {
      for (const { path, word } of this.#attempts(this.#typeOf(field), depth + 1)) {
        const mayLack = path.length === 0 && word === 'left' && field.flags & SYMBOL.optional;
        if (!mayLack) yield { path: [field.name, ...path], word };
      }
    }
  }

  #members(type: Type): readonly Type[] {
    return type.flags & TYPE.union ? (type as unknown as { getTypes(): readonly Type[] }).getTypes() : [type];
  }

  /** Whether callers write it as { … }: what it must have are fields, and nothing that is called. */
  #isOptions(type: Type): boolean {
    const checker = this.#checker;
    if (checker.isArrayType(type) || checker.isTupleType(type)) return false;
    if ((type.getSymbol()?.flags ?? 0) & SYMBOL.class || checker.getIndexInfosOfType(type).length > 0) return false;
    if (checker.getSignaturesOfType(type, 0).length > 0) return false;
    const fields = checker.getPropertiesOfType(type);
    return (
      fields.length > 0 &&
      fields.every(({ flags }) => flags & (flags & SYMBOL.method ? SYMBOL.optional : SYMBOL.property))
    );
  }
}
