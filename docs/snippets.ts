/** The TypeScript blocks of a page as one program, imports first. */
export function program(page: string): string {
  const blocks = [...page.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]).join('\n');
  const imports = blocks.match(/^import .*$/gm) ?? [];
  return [...imports, blocks.replace(/^import .*$/gm, ''), 'export {};'].join('\n');
}

/** What the page says it prints: the comments `// → …` after its `console.log` lines, in order. */
export function promised(page: string): string[] {
  return [...program(page).matchAll(/console\.log\(.*\/\/ → (.*)$/gm)].map((match) => (match[1] ?? '').trim());
}

/** What one call of `console.log` prints, by the rule of the pages: texts as they are, all else as JSON. */
export function printed(values: readonly unknown[]): string {
  return values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(' ');
}
